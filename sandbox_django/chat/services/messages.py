"""Posts, edits and deletes messages in a room."""

from django.conf import settings
from django.utils import timezone

from accounts.models import User
from chat.groups import message_key, room_feed
from chat.messages.chat import DeletedRunPayload, MemberMessage, MessageDeleted, MessageUpdated
from chat.models import ChatMember, ChatMessage, GroupChat
from chat.permissions import require_author, require_may_delete, require_staff
from chat.services.members import membership
from chat.services.mentions import render_message
from chat.services.rooms import end_of_deleted_run, hint_activity, hint_read
from core.errors import NotFound
from core.raw_rows import insert
from core.throttling import Limit
from live import feeds
from live.feeds import FeedWriter


class MessageGone(NotFound):
    """The message was deleted between the request's first look at it and the change."""


def post_message(room: GroupChat, *, content: str, by: User) -> ChatMessage:
    """Posts a message in a room."""
    _count(by)
    # Rendered before the room is locked, since rendering takes a while.
    rendered = render_message(content, room)
    with feeds.write(room_feed(room.pk)) as feed:
        me = membership(room, by)
        room, now = me.group_chat, timezone.now()
        room.last_number += 1
        room.updated_at = now
        message = insert(
            ChatMessage(
                group_chat=room,
                author=by,
                number=room.last_number,
                content=content,
                content_html=rendered.html,
                mentions=rendered.mentions,
                created_at=now,
                updated_at=now,
            )
        )
        # Updated without save(), which would set the room's activity time to another value than the message's.
        GroupChat.objects.filter(pk=room.pk).update(last_number=room.last_number, updated_at=now)
        _read_up_to(message, me)
        message.set_sender(me)
        feed.publish(MemberMessage.of(message))
        hint_activity(room, message)
        hint_read(room, message, me)
    return message


def edit_message(message: ChatMessage, *, content: str, by: User) -> ChatMessage:
    """Changes the text of a message that the user wrote."""
    room = message.group_chat
    _count(by)
    rendered = render_message(content, room)
    with feeds.write(room_feed(room.pk)) as feed:
        room = membership(room, by).group_chat
        message = _reload(message)
        require_author(message, by)
        if message.content == content:
            return message
        message.content = content
        message.content_html = rendered.html
        message.mentions = rendered.mentions
        message.is_edited = True
        message.updated_at = timezone.now()
        message.save(update_fields=["content", "content_html", "mentions", "is_edited", "updated_at"])
        _rewrite_log(message)
        feed.publish(MessageUpdated.of(message))
        if message.number == room.last_number:
            hint_activity(room, message)
    return message


def delete_message(message: ChatMessage, *, by: User) -> ChatMessage:
    """Deletes a message that the user wrote; owners and admins may delete any message. The empty row stays."""
    room = message.group_chat
    _count(by)
    with feeds.write(room_feed(room.pk)) as feed:
        me = membership(room, by)
        message = _reload(message)
        require_may_delete(message, me)
        _clear_content(message, me.group_chat, feed)
    return message


def delete_message_as_staff(message: ChatMessage, *, by: User) -> ChatMessage:
    """Deletes a message on behalf of the site's staff, who need not be members of the room."""
    room = message.group_chat
    with feeds.write(room_feed(room.pk)) as feed:
        require_staff(by)
        message = _reload(message)
        _clear_content(message, GroupChat.objects.get(pk=room.pk), feed)
    return message


def _read_up_to(message: ChatMessage, me: ChatMember) -> None:
    """Marks the room as read up to a message that the user has just posted."""
    me.last_read_message_id, me.last_read_number = message.pk, message.number
    me.save(update_fields=["last_read_message_id", "last_read_number"])


def _count(by: User) -> None:
    """Counts messages, edits and deletions together, since each is sent to all members. Raises `RateLimited`."""
    Limit("chat messages", settings.CHAT_MESSAGES_PER_MINUTE, 60).hit(by.pk)


def _clear_content(message: ChatMessage, room: GroupChat, feed: FeedWriter) -> None:
    message.content = message.content_html = ""
    message.mentions = []
    message.is_deleted = True
    message.updated_at = timezone.now()
    message.save(update_fields=["content", "content_html", "mentions", "is_deleted", "updated_at"])
    _rewrite_log(message)
    feed.publish(MessageDeleted.of(message))
    run = _skip_deleted(message, room)
    hint_activity(room, message if message.number == room.last_number else room.messages.newest(), deleted_run=run)


def _skip_deleted(message: ChatMessage, room: GroupChat) -> DeletedRunPayload:
    """Moves read positions that are directly before a deleted message past it, so that unread counts leave it out."""
    earlier = room.messages.filter(number__lt=message.number, is_deleted=False).order_by("-number")
    after = earlier.values_list("number", flat=True).first() or 0
    to = end_of_deleted_run(room, message.number)
    room.members.filter(last_read_number__gte=after, last_read_number__lt=to).update(last_read_number=to)
    return DeletedRunPayload(after=after, to=to)


def _rewrite_log(message: ChatMessage) -> None:
    """Removes the earlier text from all stored frames, since a member who joins later may replay the feed from its
    start.
    """
    names = ("content", "content_html", "mentions", "is_edited", "is_deleted", "updated_at")
    feeds.rewrite(message_key(message.pk), {name: getattr(message, name) for name in names})


def _reload(message: ChatMessage) -> ChatMessage:
    now = ChatMessage.objects.with_senders(message.group_chat).filter(pk=message.pk, is_deleted=False).first()
    if now is None:
        raise MessageGone
    return now
