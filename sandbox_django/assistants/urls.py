from django.urls import path

from assistants.views import conversation_views as conversations
from assistants.views import message_views as messages

MINE = "conversations/<uuid:conversation_pk>"
ANONYMOUS = "anonymous/<uuid:conversation_pk>"

urlpatterns = [
    path("models/", conversations.ModelListView.as_view(), name="assistant-models"),
    path("anonymous/", conversations.AnonymousConversationView.as_view(), name="create-anonymous-conversation"),
    path("conversations/", conversations.ConversationListView.as_view(), name="assistant-conversations-list"),
    path(f"{MINE}/", conversations.ConversationDetailView.as_view(), name="assistant-conversations-detail"),
    path(f"{MINE}/messages/", messages.MessageListView.as_view(), name="conversation-messages-list"),
    path(f"{MINE}/messages/<int:pk>/", messages.MessageDetailView.as_view(), name="conversation-messages-detail"),
    path(f"{MINE}/messages/<int:pk>/stop/", messages.StopView.as_view(), name="conversation-messages-stop"),
    path(f"{MINE}/messages/<int:pk>/retry/", messages.RetryView.as_view(), name="conversation-messages-retry"),
    path(
        f"{MINE}/messages/<int:pk>/regenerate/",
        messages.RegenerateView.as_view(),
        name="conversation-messages-regenerate",
    ),
    path(f"{ANONYMOUS}/messages/", messages.AnonymousMessageListView.as_view(), name="anonymous-messages-list"),
    path(
        f"{ANONYMOUS}/messages/<int:pk>/",
        messages.AnonymousMessageDetailView.as_view(),
        name="anonymous-messages-detail",
    ),
    path(f"{ANONYMOUS}/messages/<int:pk>/stop/", messages.AnonymousStopView.as_view(), name="anonymous-messages-stop"),
    path(
        f"{ANONYMOUS}/messages/<int:pk>/retry/",
        messages.AnonymousRetryView.as_view(),
        name="anonymous-messages-retry",
    ),
    path(
        f"{ANONYMOUS}/messages/<int:pk>/regenerate/",
        messages.AnonymousRegenerateView.as_view(),
        name="anonymous-messages-regenerate",
    ),
]
