from typing import Any, TypeVar

from django.conf import settings
from django.db.models import Model, QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import generics
from rest_framework.exceptions import ValidationError
from rest_framework.permissions import SAFE_METHODS, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from accounts.http import AuthenticatedRequest
from core.cpu_bound import renders
from core.feed_seq import FeedSeqMixin
from core.idempotency import IdempotentCreateMixin
from core.operations import Operation, documented
from core.pagination import BoundedCountPagination
from core.query_parameters import refuse_unknown_parameters
from core.throttling import Limit
from discussion.groups import LIST, topic_feed
from discussion.models import DiscussionTopic, Tag, TopicEdit
from discussion.permissions import (
    AuthorsAndStaffChange,
    NotAuthor,
    NotOwnPost,
    NotStaff,
    NotTopicAuthor,
    OnlyStaff,
    OnlyTopicAuthor,
    OwnPost,
)
from discussion.serializers.topic import (
    AcceptAnswerSerializer,
    PreviewSerializer,
    SimilarTopicSerializer,
    TagSerializer,
    TopicDetailSerializer,
    TopicEditSerializer,
    TopicSerializer,
    VoteSerializer,
)
from discussion.services.answers import OwnReply, accept_answer, unaccept_answer
from discussion.services.lists import Sort, topics_for
from discussion.services.mentions import render_post
from discussion.services.search import similar
from discussion.services.topics import HasReplies, create_topic, delete_topic, edit_topic, moderate_topic
from discussion.services.views import count_view
from discussion.services.votes import vote_on

ModelType = TypeVar("ModelType", bound=Model)

# Pages send these requests while the user types.
SEARCHES = Limit("discussion searches", times=120, seconds=60)
PREVIEWS = Limit("discussion previews", times=60, seconds=60)
POSTS = f"{settings.DISCUSSION_POSTS_PER_HOUR} topics and replies in an hour"
VOTES = f"{settings.DISCUSSION_VOTES_PER_MINUTE} votes in a minute"
CHANGES = "120 changes in an hour"
VOTING = "One vote per user, which can be changed; 0 takes it back."
REPLIES_SHOWN = 100


class ForumView(FeedSeqMixin, generics.GenericAPIView[ModelType]):
    """A view of the forum, whose user is signed in. Its responses may have the header `Feed-Seq`."""

    request: AuthenticatedRequest


@documented(
    "Topics",
    get=Operation(
        id="listTopics",
        summary="List topics",
        description="Pinned topics come first, unless something is searched for. `count` is exact up to 10,000.",
        limit="120 searches in a minute",
    ),
    post=Operation(id="createTopic", summary="Ask, or begin a discussion", description="Markdown.", limit=POSTS),
)
@renders
class TopicListView(
    ForumView[DiscussionTopic], IdempotentCreateMixin[DiscussionTopic], generics.ListCreateAPIView[DiscussionTopic]
):
    """Lists topics; pinned topics come first."""

    query_parameters = (
        OpenApiParameter("sort", enum=Sort.values, description="`new` unless something is searched for."),
        OpenApiParameter("tag", description="Only topics with this tag."),
        OpenApiParameter("search", description="Only topics with these words, the best first."),
    )
    serializer_class = TopicSerializer
    pagination_class = BoundedCountPagination

    def feed(self) -> str:
        return LIST

    def get_queryset(self) -> QuerySet[DiscussionTopic]:
        if self.request.method not in SAFE_METHODS:
            return DiscussionTopic.objects.for_viewer(self.request.user)
        asked = {name: self.request.query_params.get(name, "") for name in ("sort", "tag", "search")}
        if asked["sort"] and asked["sort"] not in Sort:
            raise ValidationError({"sort": f"One of {', '.join(Sort.values)}."})
        if asked["search"].strip():
            SEARCHES.hit(self.request.user.pk)
        return topics_for(self.request.user, **asked)

    def perform_create(self, serializer: BaseSerializer[DiscussionTopic]) -> None:
        topic = create_topic(self.request.user, **_as_service_wants(serializer.validated_data))
        serializer.instance = self.get_queryset().get(pk=topic.pk)


class TopicView(ForumView[DiscussionTopic]):
    """A view of one topic."""

    serializer_class: type[BaseSerializer[Any]] = TopicDetailSerializer

    def feed(self) -> str:
        return topic_feed(self.kwargs["pk"])

    def get_queryset(self) -> QuerySet[DiscussionTopic]:
        return DiscussionTopic.objects.for_viewer(self.request.user)

    def answer(self, topic: DiscussionTopic) -> Response:
        """Returns the current state of the topic with its replies."""
        topic = self.get_queryset().get(pk=topic.pk)
        with_replies(topic, self.request)
        return Response(TopicDetailSerializer(topic, context=self.get_serializer_context()).data)


def with_replies(topic: DiscussionTopic, request: AuthenticatedRequest) -> None:
    """Loads the first replies of a topic, and also the accepted answer if it is not among them."""
    replies = topic.replies.for_viewer(request.user)
    shown = list(replies[:REPLIES_SHOWN])
    topic.first_replies = shown  # type: ignore[attr-defined]  # the serializer reads this attribute
    if topic.accepted_answer_id is not None:
        topic.accepted_answer = next(
            (reply for reply in shown if reply.is_accepted),
            None,
        ) or replies.get(pk=topic.accepted_answer_id)


@documented(
    "Topics",
    get=Operation(
        id="getTopic",
        summary="A topic and its first hundred replies",
        description="`listReplies` has all of them. Reading counts as a view, once per user and day.",
    ),
    put=Operation(
        id="replaceTopic",
        summary="Edit a topic",
        description="The earlier version stays readable. Without `tags` they are not changed.",
        refusals=(NotAuthor,),
        limit=CHANGES,
    ),
    patch=Operation(
        id="updateTopic",
        summary="Edit some of a topic",
        description="The earlier version stays readable.",
        refusals=(NotAuthor,),
        limit=CHANGES,
    ),
    delete=Operation(
        id="deleteTopic",
        summary="Delete a topic",
        description="Allowed for its author while no other user has replied, and for staff.",
        refusals=(NotAuthor, HasReplies),
        limit=CHANGES,
    ),
)
@extend_schema_view(put=extend_schema(request=TopicSerializer), patch=extend_schema(request=TopicSerializer))
@renders
class TopicDetailView(TopicView, generics.RetrieveUpdateDestroyAPIView[DiscussionTopic]):
    """One topic and its replies. Its author and staff may change and delete it."""

    permission_classes = [IsAuthenticated, AuthorsAndStaffChange]

    def get_object(self) -> DiscussionTopic:
        topic = super().get_object()
        if self.request.method in SAFE_METHODS:
            count_view(topic, visitor=f"user {self.request.user.pk}")
        with_replies(topic, self.request)
        return topic

    def perform_update(self, serializer: BaseSerializer[DiscussionTopic]) -> None:
        assert serializer.instance is not None
        edit_topic(serializer.instance, by=self.request.user, **_as_service_wants(serializer.validated_data))
        serializer.instance = self.get_object()

    def perform_destroy(self, instance: DiscussionTopic) -> None:
        delete_topic(instance, by=self.request.user)


@documented(
    "Topics",
    post=Operation(id="voteOnTopic", summary="Vote on a topic", description=VOTING, refusals=(OwnPost,), limit=VOTES),
)
class TopicVoteView(TopicView):
    """Stores the user's vote on a topic: 1, -1, or 0 to withdraw it."""

    permission_classes = [IsAuthenticated, NotOwnPost]
    serializer_class = VoteSerializer

    @extend_schema(responses={200: VoteSerializer})
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        topic = self.get_object()  # responds with 404 or 403 before the body is checked
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        vote = serializer.validated_data["vote"]
        vote_count = vote_on(topic, value=vote, by=self.request.user)
        return Response(self.get_serializer({"vote": vote, "vote_count": vote_count}).data)


@documented(
    "Topics",
    post=Operation(
        id="acceptAnswer",
        summary="Take a reply for the answer",
        description="In place of the one that was, if there was one.",
        refusals=(NotTopicAuthor, OwnReply),
        limit=CHANGES,
    ),
)
class AcceptAnswerView(TopicView):
    """Accepts a reply as the answer."""

    permission_classes = [IsAuthenticated, OnlyTopicAuthor]
    serializer_class = AcceptAnswerSerializer

    @extend_schema(responses={200: TopicDetailSerializer})
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        topic = self.get_object()
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        return self.answer(accept_answer(topic, by=self.request.user, **serializer.validated_data))


@documented(
    "Topics",
    post=Operation(
        id="unacceptAnswer",
        summary="Take none of the replies for the answer",
        refusals=(NotTopicAuthor,),
        limit=CHANGES,
    ),
)
class UnacceptAnswerView(TopicView):
    """Removes the mark from the accepted answer."""

    permission_classes = [IsAuthenticated, OnlyTopicAuthor]

    @extend_schema(request=None, responses={200: TopicDetailSerializer})
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self.answer(unaccept_answer(self.get_object(), by=self.request.user))


class ModerateView(TopicView):
    """Sets `field` of a topic to `value`. The views that close, reopen, pin and unpin a topic define both."""

    permission_classes = [IsAuthenticated, OnlyStaff]
    field = ""
    value = False

    @extend_schema(request=None, responses={200: TopicDetailSerializer})
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self.answer(moderate_topic(self.get_object(), by=self.request.user, **{self.field: self.value}))


@documented("Topics", post=Operation(id="closeTopic", summary="Take no more replies to a topic", refusals=(NotStaff,)))
class CloseView(ModerateView):
    field, value = "is_closed", True


@documented("Topics", post=Operation(id="reopenTopic", summary="Take replies to a topic again", refusals=(NotStaff,)))
class ReopenView(ModerateView):
    field, value = "is_closed", False


@documented("Topics", post=Operation(id="pinTopic", summary="Put a topic on top of the list", refusals=(NotStaff,)))
class PinView(ModerateView):
    field, value = "is_pinned", True


@documented(
    "Topics", post=Operation(id="unpinTopic", summary="Put a topic back where it belongs", refusals=(NotStaff,))
)
class UnpinView(ModerateView):
    field, value = "is_pinned", False


@documented(
    "Topics",
    get=Operation(id="listTopicEdits", summary="List earlier versions of a topic", description="The newest first."),
)
class TopicEditsView(ForumView[TopicEdit], generics.ListAPIView[TopicEdit]):
    """Lists the earlier versions of a topic, newest first."""

    serializer_class = TopicEditSerializer

    def get_queryset(self) -> QuerySet[TopicEdit]:
        topic = generics.get_object_or_404(DiscussionTopic, pk=self.kwargs["pk"])
        return topic.edits.select_related("editor")


@documented(
    "Topics",
    get=Operation(id="listTags", summary="Tags that topics have", description="Those of most topics first."),
)
class TagListView(generics.ListAPIView[Tag]):
    """Lists the tags of topics, most used first. With `?search=`, lists only tags that begin with this text."""

    query_parameters = (OpenApiParameter("search", description="Only tags that begin so."),)
    queryset = Tag.objects.filter(topic_count__gt=0)
    serializer_class = TagSerializer

    def get_queryset(self) -> QuerySet[Tag]:
        begins = self.request.query_params.get("search", "").replace("\x00", "").lower()
        return super().get_queryset().filter(name__startswith=begins)


@documented(
    "Topics",
    get=Operation(
        id="findSimilarTopics",
        summary="Topics that may be about the same",
        description="For a title that is being typed.",
        limit="120 searches in a minute",
    ),
)
class SimilarView(ForumView[DiscussionTopic]):
    """Lists topics with titles similar to the one that the user is typing."""

    query_parameters = (OpenApiParameter("title", description="As far as it is typed."),)
    serializer_class = SimilarTopicSerializer
    pagination_class = None

    @extend_schema(responses={200: SimilarTopicSerializer(many=True)})
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        SEARCHES.hit(self.request.user.pk)
        refuse_unknown_parameters(request, self)
        topics = similar(DiscussionTopic.objects.all(), request.query_params.get("title", ""))
        return Response(self.get_serializer(topics, many=True).data)


@documented(
    "Topics",
    post=Operation(id="previewMarkdown", summary="See Markdown as it will look", limit="60 in a minute"),
)
@renders
class PreviewView(ForumView[DiscussionTopic]):
    """Renders Markdown as the stored post will show it."""

    serializer_class = PreviewSerializer

    @extend_schema(responses={200: PreviewSerializer})
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        PREVIEWS.hit(self.request.user.pk)
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        content_html = render_post(serializer.validated_data["content"]).html
        return Response(self.get_serializer({"content_html": content_html}).data)


def _as_service_wants(data: dict[str, Any]) -> dict[str, Any]:
    return {"tags" if name == "tag_names" else name: value for name, value in data.items()}
