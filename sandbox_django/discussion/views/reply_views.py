from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.utils.functional import cached_property
from drf_spectacular.utils import extend_schema
from rest_framework import generics
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from core.cpu_bound import renders
from core.idempotency import IdempotentCreateMixin
from core.operations import Operation, documented
from discussion.groups import topic_feed
from discussion.models import DiscussionReply, DiscussionTopic, ReplyEdit
from discussion.permissions import AuthorsAndStaffChange, NotAuthor, NotOwnPost, OwnPost
from discussion.serializers.topic import ReplyEditSerializer, ReplySerializer, VoteSerializer
from discussion.services.replies import TopicClosed, delete_reply, edit_reply, post_reply
from discussion.services.votes import vote_on
from discussion.views.topic_views import CHANGES, POSTS, VOTES, VOTING, ForumView, ModelType


class InTopicView(ForumView[ModelType]):
    """Supplies the topic of the URL to the views below."""

    @cached_property
    def topic(self) -> DiscussionTopic:
        return get_object_or_404(DiscussionTopic, pk=self.kwargs["topic_pk"])

    def feed(self) -> str:
        return topic_feed(self.kwargs["topic_pk"])


class RepliesView(InTopicView[DiscussionReply]):
    """Supplies the replies of the URL's topic to the views below."""

    serializer_class = ReplySerializer

    def get_queryset(self) -> QuerySet[DiscussionReply]:
        return self.topic.replies.for_viewer(self.request.user)


@documented(
    "Replies",
    get=Operation(id="listReplies", summary="List replies", description="By votes, then age."),
    post=Operation(
        id="createReply", summary="Reply to a topic", description="Markdown.", refusals=(TopicClosed,), limit=POSTS
    ),
)
@renders
class ReplyListView(RepliesView, IdempotentCreateMixin[DiscussionReply], generics.ListCreateAPIView[DiscussionReply]):
    """Lists a topic's replies. Replies with most votes come first; with equal votes, the oldest comes first."""

    def perform_create(self, serializer: BaseSerializer[DiscussionReply]) -> None:
        reply = post_reply(self.topic, by=self.request.user, **serializer.validated_data)
        serializer.instance = self.get_queryset().get(pk=reply.pk)


@documented(
    "Replies",
    get=Operation(id="getReply", summary="One reply"),
    put=Operation(id="replaceReply", summary="Edit a reply", refusals=(NotAuthor,), limit=CHANGES),
    patch=Operation(id="updateReply", summary="Edit a reply", refusals=(NotAuthor,), limit=CHANGES),
    delete=Operation(id="deleteReply", summary="Delete a reply", refusals=(NotAuthor,), limit=CHANGES),
)
@renders
class ReplyDetailView(RepliesView, generics.RetrieveUpdateDestroyAPIView[DiscussionReply]):
    """One reply. Its author and staff may change and delete it."""

    permission_classes = [IsAuthenticated, AuthorsAndStaffChange]

    def perform_update(self, serializer: BaseSerializer[DiscussionReply]) -> None:
        reply = serializer.instance
        assert reply is not None
        edit_reply(reply, content=serializer.validated_data.get("content", reply.content), by=self.request.user)
        serializer.instance = self.get_queryset().get(pk=reply.pk)

    def perform_destroy(self, instance: DiscussionReply) -> None:
        delete_reply(instance, by=self.request.user)


@documented(
    "Replies",
    post=Operation(id="voteOnReply", summary="Vote on a reply", description=VOTING, refusals=(OwnPost,), limit=VOTES),
)
class ReplyVoteView(RepliesView):
    """Stores the user's vote on a reply: 1, -1, or 0 to withdraw it."""

    permission_classes = [IsAuthenticated, NotOwnPost]
    serializer_class = VoteSerializer  # type: ignore[assignment]  # of another model than the queryset's

    @extend_schema(responses={200: VoteSerializer})
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        reply = self.get_object()
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        vote = serializer.validated_data["vote"]
        vote_count = vote_on(reply, value=vote, by=self.request.user)
        return Response(self.get_serializer({"vote": vote, "vote_count": vote_count}).data)


@documented(
    "Replies",
    get=Operation(id="listReplyEdits", summary="List earlier versions of a reply", description="The newest first."),
)
class ReplyEditsView(InTopicView[ReplyEdit], generics.ListAPIView[ReplyEdit]):
    """Lists the earlier versions of a reply, newest first."""

    serializer_class = ReplyEditSerializer

    def get_queryset(self) -> QuerySet[ReplyEdit]:
        reply = get_object_or_404(self.topic.replies, pk=self.kwargs["pk"])
        return reply.edits.select_related("editor")
