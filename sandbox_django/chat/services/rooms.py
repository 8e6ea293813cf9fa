"""Creates, changes and deletes rooms, and stores read positions."""

from collections.abc import Callable
from functools import partial

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Greatest
from django.utils import timezone

from accounts.models import User
from chat.groups import ACTIVITY, left_room_key, room_feed, room_key, user_feed
from chat.messages.chat import (
    AddedToGroup,
    DeletedRunPayload,
    GroupChatUpdated,
    GroupUpdated,
    Read,
    ReadPayload,
    ReadPositionPayload,
    RemovedFromGroup,
)
from chat.models import ChatMember, ChatMessage, GroupChat
from chat.models.room import ChatRole
from chat.permissions import require_owner, require_staff
from chat.services.members import membership
from core.errors import Invalid
from core.throttling import Limit
from live import feeds, hints, hub
from runtime import jobs

CREATING = Limit("chat rooms", times=100, seconds=3600)
CHANGING = Limit("chat room changes", times=120, seconds=3600)

# In larger rooms, read positions are not sent to the members: each message would cause a frame from every member to
# every other member.
SMALL_ROOM = 50


class NoSuchMessage(Invalid):
    field = "message_id"
    default_detail = "There is no such message in this room."


def create_room(user: User, *, title: str, description: str = "") -> GroupChat:
    """Creates a room. The user becomes its owner and only member."""
    CREATING.hit(user.pk)
    with feeds.write(user_feed(user.pk)) as in_list:
        room = GroupChat.objects.create(title=title, description=description)
        owner = room.members.create(user=user, chat_role=ChatRole.OWNER)
        in_list.publish(AddedToGroup.of(owner, member_count=1))
    return room


def change_room(room: GroupChat, *, by: User, **fields: str) -> GroupChat:
    """Changes the room's `title` or `description`."""
    CHANGING.hit(by.pk)
    with feeds.write(room_feed(room.pk)) as feed:
        me = membership(room, by)
        require_owner(me)
        room.membership_version = me.group_chat.membership_version
        for name, value in fields.items():
            setattr(room, name, value)
        room.updated_at = timezone.now()
        room.save(update_fields=[*fields, "updated_at"])
        _rewrite_log(room, title=room.title, description=room.description)
        feed.publish(GroupUpdated.of(room, member_count=room.members.count()))
        hint_activity(room, room.messages.newest())
    return room


def delete_room(room: GroupChat, *, by: User) -> None:
    """Deletes the room with all messages, and closes its open pages."""
    CHANGING.hit(by.pk)
    _delete_room(room, lambda: require_owner(membership(room, by)))


def delete_room_as_staff(room: GroupChat, *, by: User) -> None:
    """Deletes a room on behalf of the site's staff, who need not be members of the room."""
    _delete_room(room, lambda: require_staff(by))


def mark_read(room: GroupChat, *, message_id: int, user: User) -> int:
    """Moves the user's read position forward, never backward. Returns the id of the user's last read message."""
    number = room.messages.filter(pk=message_id).values_list("number", flat=True).first()
    if number is None:
        raise NoSuchMessage
    me = ChatMember.objects.filter(group_chat=room, user=user)
    # One transaction, so that a removal of the user waits for it. So the hint shows no message that was sent after the
    # removal.
    with transaction.atomic():
        position = Greatest(F("last_read_number"), end_of_deleted_run(room, number))
        if me.filter(last_read_message_id__lt=message_id).update(
            last_read_message_id=message_id, last_read_number=position
        ):
            hint_read(room, room.messages.newest(), me.get())
            if room.members.count() <= SMALL_ROOM:
                read = Read(payload=ReadPayload(user_id=user.pk, message_id=message_id))
                transaction.on_commit(partial(hints.send, room_feed(room.pk), f"read by {user.pk}", read))
            return message_id
    return me.values_list("last_read_message_id", flat=True).first() or 0


def end_of_deleted_run(room: GroupChat, number: int) -> int:
    """Returns the number of the last message in the run of deleted messages after `number`, or `number` if the next
    message isn't deleted.
    """
    later = room.messages.filter(number__gt=number)
    next_left = later.filter(is_deleted=False).order_by("number").values_list("number", flat=True).first()
    if next_left is not None:
        return next_left - 1
    return later.order_by("-number").values_list("number", flat=True).first() or number


def hint_activity(room: GroupChat, newest: ChatMessage | None, *, deleted_run: DeletedRunPayload | None = None) -> None:
    """Sends the room's current row to the open room lists of all members after the commit."""
    hint = GroupChatUpdated.of(room, newest, deleted_run=deleted_run)
    # A deletion has its own key, so that the next message's hint doesn't replace it in a send queue.
    key = f"room {room.pk} deleted {deleted_run.to}" if deleted_run else f"room {room.pk}"
    transaction.on_commit(partial(hints.send, ACTIVITY, key, hint))


def hint_read(room: GroupChat, newest: ChatMessage | None, me: ChatMember) -> None:
    """Sends the user's read position to the user's own pages after the commit, so that unread counts change without a
    request.
    """
    read = ReadPositionPayload(message_id=me.last_read_message_id, number=me.last_read_number)
    hint = GroupChatUpdated.of(room, newest, read=read)
    transaction.on_commit(partial(hints.send, user_feed(me.user_id), f"room {room.pk}", hint))


def _delete_room(room: GroupChat, refuse: Callable[[], None]) -> None:
    name = room_feed(room.pk)

    def find_feeds() -> list[str]:
        return [name, *map(user_feed, room.members.values_list("user_id", flat=True))]

    with feeds.write_found(find_feeds) as writers:
        refuse()
        for user_id in room.members.values_list("user_id", flat=True):
            writers[user_feed(user_id)].publish(RemovedFromGroup.of(room))
        _rewrite_log(room, title="", description="")
        GroupChat.objects.filter(pk=room.pk).delete()
        feeds.delete([name])
    transaction.on_commit(partial(jobs.start, hub.reauthorize, name))


def _rewrite_log(room: GroupChat, *, title: str, description: str) -> None:
    """Rewrites the title and description in the stored frames. The feeds of former members lose the old title, and
    don't get the new one.
    """
    feeds.rewrite(room_key(room.pk), {"title": title, "group_title": title, "description": description})
    feeds.rewrite(left_room_key(room.pk), {"title": "", "group_title": "", "description": ""})
