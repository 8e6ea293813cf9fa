"""What a person does with a room as a whole."""

from collections.abc import Callable
from functools import partial

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from chat.groups import ACTIVITY, person_feed, room_feed
from chat.messages.chat import AddedToGroup, GroupChatUpdated, GroupUpdated, Read, ReadPayload, RemovedFromGroup
from chat.models import ChatMember, GroupChat
from chat.models.room import ChatRole
from chat.services.members import NotAllowed, membership, refuse_all_but_staff
from core import runner
from core.live import feeds, hints, hub
from core.throttling import Limit

CREATING = Limit("chat rooms", times=100, seconds=3600)

# In larger rooms nobody is told who has read how far: everybody would be told by everybody, at every message.
SMALL_ROOM = 50


class NoSuchMessage(Exception):
    """Nothing of this id was said in the room."""


class _OthersCame(Exception):
    """Somebody joined between two looks."""


def create_room(user: User, *, title: str, description: str = "") -> GroupChat:
    """A room of one's own, with nobody else in it yet."""
    CREATING.hit(user.pk)
    with feeds.write(person_feed(user.pk)) as in_list:
        room = GroupChat.objects.create(title=title, description=description)
        owner = room.members.create(user=user, chat_role=ChatRole.OWNER)
        in_list.publish(AddedToGroup.of(owner, member_count=1))
    return room


def change_room(room: GroupChat, *, by: User, **fields: str) -> GroupChat:
    """Give it another `title` or `description`."""
    with feeds.write(room_feed(room.pk)) as feed:
        _refuse_all_but_owners(membership(room, by))
        for name, value in fields.items():
            setattr(room, name, value)
        room.updated_at = timezone.now()
        room.save(update_fields=[*fields, "updated_at"])
        feed.publish(GroupUpdated.of(room, member_count=room.members.count()))
        tell_activity(room)
    return room


def delete_room(room: GroupChat, *, by: User) -> None:
    """Delete it with all that was said; pages that show it are closed."""
    _delete_room(room, lambda: _refuse_all_but_owners(membership(room, by)))


def delete_room_as_staff(room: GroupChat, *, by: User) -> None:
    """The same by staff of the site, who need not be in the room."""
    _delete_room(room, lambda: refuse_all_but_staff(by))


def mark_read(room: GroupChat, *, message_id: int, user: User) -> int:
    """Note that somebody has read up to a message, never backwards; returns how far they are."""
    if not room.messages.filter(pk=message_id).exists():
        raise NoSuchMessage
    me = ChatMember.objects.filter(group_chat=room, user=user)
    if me.filter(last_read_message_id__lt=message_id).update(last_read_message_id=message_id):
        # To their own other pages, and to people.
        hints.send(person_feed(user.pk), f"room {room.pk}", GroupChatUpdated.of(room))
        if room.members.count() <= SMALL_ROOM:
            read = Read(payload=ReadPayload(user_id=user.pk, message_id=message_id))
            hints.send(room_feed(room.pk), f"read by {user.pk}", read)
        return message_id
    return me.values_list("last_read_message_id", flat=True).first() or 0


def tell_activity(room: GroupChat) -> None:
    """After the commit, let the room lists of everybody in it know that something happened."""
    transaction.on_commit(partial(hints.send, ACTIVITY, f"room {room.pk}", GroupChatUpdated.of(room)))


def _refuse_all_but_owners(me: ChatMember) -> None:
    if not me.owns:
        raise NotAllowed("Only an owner can do this.")


def _delete_room(room: GroupChat, refuse: Callable[[], None]) -> None:
    while True:
        try:
            _delete_room_of(room, [*room.members.values_list("user_id", flat=True)], refuse)
        except _OthersCame:
            continue  # every list to be told has to be locked before the room is: look again
        return


def _delete_room_of(room: GroupChat, user_ids: list[int], refuse: Callable[[], None]) -> None:
    name = room_feed(room.pk)
    with feeds.write_all([name, *map(person_feed, user_ids)]) as (_, *lists):
        refuse()
        if not set(room.members.values_list("user_id", flat=True)) <= set(user_ids):
            raise _OthersCame
        for in_list in lists:
            in_list.publish(RemovedFromGroup.of(room))
        GroupChat.objects.filter(pk=room.pk).delete()
        feeds.delete([name])
    transaction.on_commit(partial(runner.start, hub.recheck, name))
