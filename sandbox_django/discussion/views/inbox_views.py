from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics
from rest_framework.request import Request
from rest_framework.response import Response

from core.operations import Operation, documented
from core.query_parameters import flag_in
from discussion.groups import inbox_feed
from discussion.models import Notification
from discussion.models.notification import NotificationQuerySet
from discussion.serializers.inbox import MarkReadSerializer, NotificationSerializer, UnreadSerializer
from discussion.services.inbox import mark_read
from discussion.views.topic_views import ForumView


class InboxView(ForumView[Notification]):
    """Supplies the current user's inbox to the views below."""

    def feed(self) -> str:
        return inbox_feed(self.request.user.pk)

    def get_queryset(self) -> NotificationQuerySet:
        return Notification.objects.inbox_of(self.request.user)


@documented(
    "Inbox",
    get=Operation(id="listNotifications", summary="List notifications", description="The newest first."),
)
class NotificationListView(InboxView, generics.ListAPIView[Notification]):
    """Lists the user's notifications, newest first."""

    query_parameters = (OpenApiParameter("unread", bool, description="Only what I have not read."),)
    serializer_class = NotificationSerializer

    def get_queryset(self) -> NotificationQuerySet:
        mine = super().get_queryset()
        return mine.unread() if flag_in(self.request, "unread") else mine


@documented(
    "Inbox",
    get=Operation(id="countUnreadNotifications", summary="How much of it I have not read"),
)
class UnreadView(InboxView):
    """Returns the number of unread notifications."""

    serializer_class = UnreadSerializer

    @extend_schema(responses={200: UnreadSerializer})
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return Response(self.get_serializer({"unread_count": self.get_queryset().unread().count()}).data)


@documented(
    "Inbox",
    post=Operation(
        id="markNotificationsRead",
        summary="Say what I have read",
        description="These, or all without `ids`. The answer is how many are left.",
    ),
)
class MarkReadView(InboxView):
    """Marks the notifications with these ids as read, or all notifications."""

    serializer_class = MarkReadSerializer

    @extend_schema(responses={200: UnreadSerializer})
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        left = mark_read(self.request.user, serializer.validated_data.get("ids"))
        return Response(self.get_serializer({"unread_count": left}).data)
