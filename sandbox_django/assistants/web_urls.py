from django.urls import path

from assistants.views.page_views import conversation, start

urlpatterns = [
    path("assistants/", start, name="assistant_chat"),
    path("assistants/<uuid:pk>/", conversation, name="assistant_conversation"),
]
