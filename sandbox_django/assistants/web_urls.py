from django.urls import path

from assistants.views.page_views import conversation, export, start

urlpatterns = [
    path("", start, name="assistant_chat"),
    path("<uuid:pk>/", conversation, name="assistant_conversation"),
    path("<uuid:pk>/export.md", export, name="assistant_export"),
]
