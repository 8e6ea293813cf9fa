from django.urls import path

from core.views.pages import chat_later, home

urlpatterns = [
    path("", home, name="home"),
    path("chat/", chat_later, name="chat-home"),
]
