from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from core.admin import ReadOnlyAdmin
from discussion.models import (
    DiscussionReply,
    DiscussionTopic,
    Notification,
    ReplyEdit,
    ReplyVote,
    Tag,
    TopicEdit,
    TopicView,
    TopicVote,
)
from discussion.services.replies import delete_reply
from discussion.services.rights import Gone
from discussion.services.topics import delete_topic


class DeletingAdmin(ReadOnlyAdmin):
    """To look at, and to delete as staff do it on the site: counters stay right, and open pages hear of it."""

    def delete(self, thing: Any, request: HttpRequest) -> None:
        raise NotImplementedError

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        """What is named to be confirmed; all that hangs on it goes too, and nobody needs a right to that."""
        return [str(thing) for thing in objs], {}, set(), []

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        self.delete(obj, request)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        for thing in queryset:
            try:
                self.delete(thing, request)
            except Gone:
                messages.info(request, f"“{thing}” was gone already.")


@admin.register(DiscussionTopic)
class TopicAdmin(DeletingAdmin):
    list_display = ["title", "author", "vote_count", "reply_count", "is_closed", "is_pinned", "created_at"]
    list_filter = ["is_closed", "is_pinned"]
    list_select_related = ["author"]
    search_fields = ["title", "author__email", "author__display_name"]
    show_full_result_count = False  # there may be many

    def delete(self, thing: DiscussionTopic, request: HttpRequest) -> None:
        delete_topic(thing, by=request.user)  # type: ignore[arg-type]  # nobody anonymous comes here


@admin.register(DiscussionReply)
class ReplyAdmin(DeletingAdmin):
    list_display = ["id", "topic", "author", "vote_count", "created_at"]
    list_select_related = ["topic", "author"]
    search_fields = ["content", "author__email", "topic__title"]
    ordering = ["-pk"]
    show_full_result_count = False

    def delete(self, thing: DiscussionReply, request: HttpRequest) -> None:
        delete_reply(thing, by=request.user)  # type: ignore[arg-type]  # nobody anonymous comes here


class TraceAdmin(ReadOnlyAdmin):
    """To look at. Counters count these rows."""

    ordering = ["-pk"]
    show_full_result_count = False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Tag)
class TagAdmin(TraceAdmin):
    list_display = ["name", "topic_count"]
    search_fields = ["name"]
    ordering = ["-topic_count", "name"]


@admin.register(TopicVote)
class TopicVoteAdmin(TraceAdmin):
    list_display = ["topic", "user", "value"]
    list_select_related = ["topic", "user"]
    search_fields = ["topic__title", "user__email"]


@admin.register(ReplyVote)
class ReplyVoteAdmin(TraceAdmin):
    list_display = ["reply", "user", "value"]
    list_select_related = ["reply", "user"]
    search_fields = ["reply__topic__title", "user__email"]


@admin.register(TopicView)
class TopicViewAdmin(TraceAdmin):
    list_display = ["topic", "visitor", "day"]
    list_select_related = ["topic"]
    search_fields = ["topic__title", "visitor"]


@admin.register(TopicEdit)
class TopicEditAdmin(TraceAdmin):
    list_display = ["topic", "editor", "created_at"]
    list_select_related = ["topic", "editor"]
    search_fields = ["topic__title", "content", "editor__email"]


@admin.register(ReplyEdit)
class ReplyEditAdmin(TraceAdmin):
    list_display = ["reply", "editor", "created_at"]
    list_select_related = ["reply", "editor"]
    search_fields = ["reply__topic__title", "content", "editor__email"]


@admin.register(Notification)
class NotificationAdmin(ReadOnlyAdmin):
    list_display = ["user", "kind", "topic", "actor", "is_read", "created_at"]
    list_filter = ["kind", "is_read"]
    list_select_related = ["user", "topic", "actor"]
    search_fields = ["user__email", "topic__title"]
    ordering = ["-pk"]
    show_full_result_count = False
