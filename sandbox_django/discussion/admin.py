from typing import TypeVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse

from accounts.http import StaffRequest
from core.admin import HistoryAdmin, ReadOnlyAdmin, row_action
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
from discussion.services.errors import PostGone
from discussion.services.replies import delete_reply
from discussion.services.search import search_topics
from discussion.services.topics import delete_topic, moderate_topic

VoteType = TypeVar("VoteType", TopicVote, ReplyVote)
EditType = TypeVar("EditType", TopicEdit, ReplyEdit)


@admin.register(DiscussionTopic)
class TopicAdmin(ReadOnlyAdmin[DiscussionTopic]):
    actions = ["close", "reopen", "pin", "unpin", "delete_selected"]
    list_display = ["title", "author", "vote_count", "reply_count", "is_closed", "is_pinned", "created_at"]
    list_filter = ["is_closed", "is_pinned", ("author", admin.EmptyFieldListFilter), "created_at"]
    list_select_related = ["author"]
    user_field = "author"
    search_fields = ["title"]
    search_help_text = "Words, as in the forum; a topic's id; or the beginning of an e-mail up to its @."
    fieldsets = (
        (None, {"fields": ("title", "author", "tags", "content", "created_at", "edited_at")}),
        ("State", {"fields": ("is_closed", "is_pinned", "accepted_answer")}),
        ("Counted", {"fields": ("vote_count", "reply_count", "view_count", "last_activity_at")}),
    )
    refusals = {PostGone: "was gone already"}

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[DiscussionTopic], search_term: str
    ) -> tuple[QuerySet[DiscussionTopic], bool]:
        if search_term and "@" not in search_term and not search_term.isdecimal():
            return search_topics(queryset, search_term), False
        return super().get_search_results(request, queryset, search_term)

    @row_action("Close", "closed", warning="It takes no more replies.", applies_to=lambda topic: not topic.is_closed)
    def close(self, request: StaffRequest, topic: DiscussionTopic) -> None:
        moderate_topic(topic, by=request.user, is_closed=True)

    @row_action("Reopen", "open again", applies_to=lambda topic: topic.is_closed)
    def reopen(self, request: StaffRequest, topic: DiscussionTopic) -> None:
        moderate_topic(topic, by=request.user, is_closed=False)

    @row_action("Pin", "pinned", warning="It comes first in lists.", applies_to=lambda topic: not topic.is_pinned)
    def pin(self, request: StaffRequest, topic: DiscussionTopic) -> None:
        moderate_topic(topic, by=request.user, is_pinned=True)

    @row_action("Unpin", "unpinned", applies_to=lambda topic: topic.is_pinned)
    def unpin(self, request: StaffRequest, topic: DiscussionTopic) -> None:
        moderate_topic(topic, by=request.user, is_pinned=False)

    def view_on_site(self, obj: DiscussionTopic) -> str:
        return reverse("discussion-detail", args=[obj.pk])

    def delete(self, request: StaffRequest, obj: DiscussionTopic) -> None:
        delete_topic(obj, by=request.user)


@admin.register(DiscussionReply)
class ReplyAdmin(ReadOnlyAdmin[DiscussionReply]):
    actions = ["delete_selected"]
    list_display = ["id", "topic", "author", "vote_count", "created_at"]
    list_filter = [("author", admin.EmptyFieldListFilter), "created_at"]
    list_select_related = ["topic", "author"]
    user_field = "author"
    search_fields = ["content"]
    search_help_text = "A part of its text, its id, or the beginning of its author's e-mail up to the @."
    fields = ["topic", "author", "content", "vote_count", "created_at", "edited_at"]
    refusals = {PostGone: "was gone already"}

    def view_on_site(self, obj: DiscussionReply) -> str:
        return reverse("discussion-detail", args=[obj.topic_id]) + f"#reply-{obj.pk}"

    def delete(self, request: StaffRequest, obj: DiscussionReply) -> None:
        delete_reply(obj, by=request.user)


class VoteAdmin(HistoryAdmin[VoteType]):
    list_filter = ["value"]
    search_fields = ["user__email__startswith"]
    search_help_text = "The beginning of an e-mail."


@admin.register(TopicVote)
class TopicVoteAdmin(VoteAdmin[TopicVote]):
    list_display = ["topic", "user", "value"]
    list_select_related = ["topic", "user"]


@admin.register(ReplyVote)
class ReplyVoteAdmin(VoteAdmin[ReplyVote]):
    list_display = ["reply", "user", "value"]
    list_select_related = ["reply", "user"]


class EditAdmin(HistoryAdmin[EditType]):
    list_filter = ["created_at"]
    user_field = "editor"
    search_fields = ["content"]
    search_help_text = "A part of the earlier text, or the beginning of an e-mail up to its @."


@admin.register(TopicEdit)
class TopicEditAdmin(EditAdmin[TopicEdit]):
    list_display = ["topic", "editor", "created_at"]
    list_select_related = ["topic", "editor"]


@admin.register(ReplyEdit)
class ReplyEditAdmin(EditAdmin[ReplyEdit]):
    list_display = ["reply", "editor", "created_at"]
    list_select_related = ["reply", "editor"]


@admin.register(TopicView)
class TopicViewAdmin(HistoryAdmin[TopicView]):
    list_display = ["topic", "visitor", "day"]
    list_filter = ["day"]
    list_select_related = ["topic"]
    search_fields = ["visitor"]
    search_help_text = "The visitor, as in “user 7”."


@admin.register(Tag)
class TagAdmin(HistoryAdmin[Tag]):
    list_display = ["name", "topic_count"]
    search_fields = ["name"]
    ordering = ("-topic_count", "name")
    sortable_by = ("name", "topic_count")


@admin.register(Notification)
class NotificationAdmin(HistoryAdmin[Notification]):
    list_display = ["user", "kind", "topic", "actor", "is_read", "created_at"]
    list_filter = ["kind", "is_read", "created_at"]
    list_select_related = ["user", "topic", "actor"]
    search_fields = ["user__email__startswith"]
    search_help_text = "The beginning of an e-mail."
