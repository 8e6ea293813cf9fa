from django.urls import path

from core.views.pages import home

urlpatterns = [
    path("", home, name="home"),
]
