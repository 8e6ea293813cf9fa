from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import (
    Count,
    F,
    FilteredRelation,
    IntegerField,
    JSONField,
    OuterRef,
    Prefetch,
    Q,
    QuerySet,
    Subquery,
)
from django.db.models.functions import Coalesce, JSONObject, Left
from django.utils import timezone

from accounts.models import User
from core.fields import ActivityField, Searchable, SearchTextField

# The number of characters of HTML from which the excerpt of a message is made.
EXCERPT_OF = 600


class ChatRole(models.IntegerChoices):
    """The roles of members. A role with a smaller number has more permissions."""

    OWNER = 2001, "Owner"
    ADMIN = 2002, "Admin"
    MEMBER = 2003, "Member"


class RoomQuerySet(QuerySet["GroupChat"]):
    def joined_by(self, user: User) -> Self:
        """Returns the rooms that `user` is a member of. Views respond with 404 for other rooms."""
        return self.annotate(mine=FilteredRelation("members", condition=Q(members__user=user))).filter(
            mine__isnull=False
        )

    def with_counts(self) -> Self:
        """Adds the number of members, and the number of messages that the user hasn't read.

        Messages are numbered within their room, so the unread count is the difference of two numbers.
        """
        members = ChatMember.objects.filter(group_chat=OuterRef("pk"))
        return self.annotate(
            member_count=_counted(members),
            unread_count=F("last_number") - F("mine__last_read_number"),
            last_read_message_id=F("mine__last_read_message_id"),
            last_read_number=F("mine__last_read_number"),
        )

    def with_last_message(self) -> Self:
        """Adds the author and the beginning of the last message, as lists show it. In an empty room this is None."""
        newest = ChatMessage.objects.filter(group_chat=OuterRef("pk")).order_by("-number")
        last = JSONObject(
            user_id="author_id",
            sender_name="author__display_name",
            beginning=Left("content_html", EXCERPT_OF),
            is_deleted="is_deleted",
        )
        return self.annotate(last_message=Subquery(newest.values(last=last)[:1], output_field=JSONField()))


class GroupChat(Searchable):
    """A room, which only its members can read."""

    title = models.CharField(max_length=200)
    description = models.TextField(max_length=2000, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = ActivityField()  # when the last message was posted or the room was changed
    # The number of the newest message. It is only changed while the room's feed is locked.
    last_number = models.PositiveBigIntegerField(default=0, editable=False)
    # Each removal of a member increments this version, so that open room lists look the members up again.
    membership_version = models.PositiveBigIntegerField(default=0, editable=False)
    search_text = SearchTextField("title")

    objects = RoomQuerySet.as_manager()

    class Meta:
        verbose_name = "room"
        ordering = ["-updated_at", "-pk"]

    def __str__(self) -> str:
        return self.title


class MemberQuerySet(QuerySet["ChatMember"]):
    def owners(self) -> Self:
        return self.filter(chat_role=ChatRole.OWNER)


class ChatMember(models.Model):
    """A membership. A user who leaves and is added again gets a new membership, so that late events about the old one
    are ignored.
    """

    group_chat = models.ForeignKey(GroupChat, on_delete=models.CASCADE, related_name="members")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="chat_memberships")
    chat_role = models.PositiveSmallIntegerField("role", choices=ChatRole.choices, default=ChatRole.MEMBER)
    # An id instead of a foreign key, so that the read position survives the deletion of the message.
    last_read_message_id = models.BigIntegerField(default=0)
    # The number of the last read message. If deleted messages follow it, the number of the last of them.
    last_read_number = models.PositiveBigIntegerField("last read", default=0, editable=False)
    joined_at = models.DateTimeField(auto_now_add=True)

    objects = MemberQuerySet.as_manager()

    class Meta:
        verbose_name = "member"
        ordering = ["chat_role", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["group_chat", "user"], name="one_membership_in_a_room"),
            models.CheckConstraint(condition=Q(chat_role__in=ChatRole.values), name="role_is_one_of_ours"),
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.group_chat}"

    @property
    def may_manage(self) -> bool:
        """Returns whether the member may add and remove members, change roles, and delete any message."""
        return self.chat_role <= ChatRole.ADMIN

    @property
    def owns(self) -> bool:
        return self.chat_role == ChatRole.OWNER


class ChatMessageQuerySet(QuerySet["ChatMessage"]):
    def with_senders(self, room: GroupChat) -> Self:
        """Adds each message's author, and the author's current membership."""
        in_room = Prefetch("author__chat_memberships", ChatMember.objects.filter(group_chat=room), to_attr="in_room")
        return self.select_related("author").prefetch_related(in_room)

    def in_rooms_of(self, user: User) -> Self:
        """Returns the messages in all rooms that `user` is a member of."""
        return self.filter(group_chat__in=ChatMember.objects.filter(user=user).values("group_chat"))

    def newest(self) -> "ChatMessage | None":
        """Returns the last message with its author. Doesn't load the Markdown, which lists don't show."""
        return self.select_related("author").defer("content", "search_text").order_by("-number").first()


class ChatMessage(Searchable):
    """A message. It remains when its author's membership or account is deleted."""

    group_chat = models.ForeignKey(GroupChat, on_delete=models.CASCADE, related_name="messages", db_index=False)
    # Messages are numbered 1, 2, 3 … within the room. There are no gaps, since deleted messages keep their number.
    number = models.PositiveBigIntegerField(editable=False)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, related_name="chat_messages", null=True, blank=True
    )
    content = models.TextField(blank=True)
    # Rendered when the message is stored: rendering 3 kB of Markdown takes 10 ms, too much for every page view.
    content_html = models.TextField(blank=True)
    mentions = models.JSONField(default=list, blank=True)  # ids of mentioned users
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)
    is_edited = models.BooleanField(default=False)
    is_deleted = models.BooleanField(default=False)  # a deleted message has no text
    search_text = SearchTextField("content")

    objects = ChatMessageQuerySet.as_manager()

    class Meta:
        verbose_name = "message"
        ordering = ["pk"]
        indexes = [models.Index(fields=["group_chat", "id"], name="chat_message_order")]
        constraints = [
            models.UniqueConstraint(fields=["group_chat", "number"], name="message_number_in_its_room"),
            models.CheckConstraint(
                condition=Q(is_deleted=False) | Q(content="", content_html=""), name="deleted_messages_say_nothing"
            ),
        ]

    def __str__(self) -> str:
        return f"Message {self.pk}"

    @property
    def sender(self) -> ChatMember | None:
        """Returns the author's current membership, or None if the author has left. Needs `with_senders`."""
        if self.author is None:
            return None
        return next(iter(self.author.in_room), None)  # type: ignore[attr-defined]  # set by the prefetch of `with_senders` or by `set_sender`

    @property
    def sender_name(self) -> str:
        """Returns the author's name, even if the author has left the room. Returns "" if the account was deleted."""
        return self.author.display_name if self.author else ""

    def set_sender(self, member: ChatMember) -> None:
        """Sets the author of a message that `member` has just written. This saves the query of `with_senders`."""
        self.author = member.user
        self.author.in_room = [member]  # type: ignore[attr-defined]  # as `with_senders` does


def _counted(rows: QuerySet[models.Model]) -> Coalesce:
    # Groups the rows, because a correlated subquery would count once per row.
    counts = rows.order_by().values("group_chat").annotate(count=Count("pk")).values("count")
    return Coalesce(Subquery(counts, output_field=IntegerField()), 0)
