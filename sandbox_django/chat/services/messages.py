"""What is said in a room."""

from django.conf import settings
from django.utils import timezone

from accounts.models import User
from chat.groups import room_feed
from chat.messages.chat import MemberMessage, MessageDeleted, MessageUpdated
from chat.models import ChatMessage, GroupChat
from chat.services.members import NotAllowed, membership, refuse_all_but_staff
from chat.services.mentions import mentioned_in
from chat.services.rooms import tell_activity
from core.live import feeds
from core.live.feeds import FeedWriter
from core.markdown import render_markdown
from core.throttling import Limit


class MessageGone(Exception):
    """It was deleted meanwhile."""


def post_message(room: GroupChat, *, content: str, by: User) -> ChatMessage:
    """Say something in a room."""
    Limit("chat messages", settings.CHAT_MESSAGES_PER_MINUTE, 60).hit(by.pk)
    # Before the room is locked: this takes a while.
    content_html, mentions = render_markdown(content), mentioned_in(content, room)
    with feeds.write(room_feed(room.pk)) as feed:
        me = membership(room, by)
        now = timezone.now()
        message = room.messages.create(
            author=by,
            content=content,
            content_html=content_html,
            mentions=mentions,
            created_at=now,
            updated_at=now,
        )
        GroupChat.objects.filter(pk=room.pk).update(updated_at=now)
        room.updated_at = now
        message.know_sender(me)
        feed.publish(MemberMessage.of(message))
        tell_activity(room)
    return message


def edit_message(message: ChatMessage, *, content: str, by: User) -> ChatMessage:
    """Put what one has said in other words."""
    room = message.group_chat
    content_html, mentions = render_markdown(content), mentioned_in(content, room)
    with feeds.write(room_feed(room.pk)) as feed:
        membership(room, by)
        message = _as_it_is_now(message)
        if message.author_id != by.pk:
            raise NotAllowed("Only who said it can change it.")
        if message.content == content:
            return message
        message.content = content
        message.content_html = content_html
        message.mentions = mentions
        message.is_edited = True
        message.updated_at = timezone.now()
        message.save(update_fields=["content", "content_html", "mentions", "is_edited", "updated_at"])
        feed.publish(MessageUpdated.of(message))
    return message


def delete_message(message: ChatMessage, *, by: User) -> ChatMessage:
    """Take back what one has said, or as an owner or admin what anybody has; its place stays."""
    room = message.group_chat
    with feeds.write(room_feed(room.pk)) as feed:
        me = membership(room, by)
        message = _as_it_is_now(message)
        if message.author_id != by.pk and not me.may_manage:
            raise NotAllowed("Only who said it, owners and admins can delete it.")
        _take_back(message, room, feed)
    return message


def delete_message_as_staff(message: ChatMessage, *, by: User) -> ChatMessage:
    """The same by staff of the site, who need not be in the room."""
    room = message.group_chat
    with feeds.write(room_feed(room.pk)) as feed:
        refuse_all_but_staff(by)
        message = _as_it_is_now(message)
        _take_back(message, room, feed)
    return message


def _take_back(message: ChatMessage, room: GroupChat, feed: FeedWriter) -> None:
    message.content = message.content_html = ""
    message.mentions = []
    message.is_deleted = True
    message.updated_at = timezone.now()
    message.save(update_fields=["content", "content_html", "mentions", "is_deleted", "updated_at"])
    feed.publish(MessageDeleted.of(message))
    tell_activity(room)


def _as_it_is_now(message: ChatMessage) -> ChatMessage:
    now = ChatMessage.objects.with_senders(message.group_chat).filter(pk=message.pk, is_deleted=False).first()
    if now is None:
        raise MessageGone
    return now
