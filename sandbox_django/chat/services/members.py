"""Who is in a room, and what they may do there.

Whatever changes that locks the room's feed first and then looks at who asks: so two people who act at once act one
after the other, and the second one only as what they are by then.
"""

from django.db.models import F

from accounts.models import User
from chat.groups import left_room_key, room_feed, room_key, user_feed
from chat.messages.chat import AddedToGroup, MemberAdded, MemberRemoved, MemberUpdated, RemovedFromGroup
from chat.models import ChatMember, GroupChat
from chat.models.room import ChatRole
from core.throttling import Limit
from live import feeds
from live.feeds import FeedWriter

# Whoever adds people by e-mail learns who has an account.
ADDING = Limit("chat members added", times=200, seconds=3600)
CHANGING = Limit("chat member changes", times=200, seconds=3600)


class NotInRoom(Exception):
    """Whoever asks, or whoever it is about, is not in the room, or not any more."""


class NotAllowed(Exception):
    """They are in the room, but may not do this. The words are for people."""


class AlreadyInRoom(Exception):
    """Nobody is in a room twice."""


class LastOwner(Exception):
    """A room has an owner as long as it exists."""


def add_member(room: GroupChat, *, user: User, by: User, chat_role: int = ChatRole.MEMBER) -> ChatMember:
    """Let `user` into the room. What was said before counts as read."""
    ADDING.hit(by.pk)
    with feeds.write(room_feed(room.pk), user_feed(user.pk)) as (in_room, in_list):
        me = membership(room, by)
        if not me.may_manage:
            raise NotAllowed("Only owners and admins can add members.")
        _refuse_role_above(me, chat_role)
        if room.members.filter(user=user).exists():
            raise AlreadyInRoom
        newest = room.messages.order_by("-pk").values_list("pk", flat=True).first() or 0
        member = ChatMember.objects.create(
            group_chat=me.group_chat,
            user=user,
            chat_role=chat_role,
            last_read_message_id=newest,
            last_read_number=me.group_chat.last_number,
        )
        in_room.publish(MemberAdded.of(member))
        in_list.publish(AddedToGroup.of(member, member_count=room.members.count()))
    return member


def change_role(member: ChatMember, *, chat_role: int, by: User) -> ChatMember:
    """Make somebody owner, admin or member. An owner may step down while there is another one."""
    CHANGING.hit(by.pk)
    with feeds.write(room_feed(member.group_chat_id)) as feed:
        me, them = _both(member, by)
        if me.pk != them.pk:
            _require_manager(me, them)
        _refuse_role_above(me, chat_role)
        if chat_role != ChatRole.OWNER:
            _refuse_last_owner(them)
        if them.chat_role != chat_role:
            _give_role(them, chat_role, feed)
    return them


def transfer_ownership(member: ChatMember, *, by: User) -> ChatMember:
    """Make somebody the owner in one's own place; one stays as an admin."""
    CHANGING.hit(by.pk)
    with feeds.write(room_feed(member.group_chat_id)) as feed:
        me, them = _both(member, by)
        if not me.owns:
            raise NotAllowed("Only an owner can hand the room over.")
        if me.pk != them.pk:
            _give_role(them, ChatRole.OWNER, feed)
            _give_role(me, ChatRole.ADMIN, feed)
    return them


def remove_member(member: ChatMember, *, by: User) -> None:
    """Show somebody the door: their pages of this room close, what they said stays."""
    CHANGING.hit(by.pk)
    with feeds.write(room_feed(member.group_chat_id), user_feed(member.user_id)) as (in_room, in_list):
        me, them = _both(member, by)
        _require_manager(me, them)
        _end(them, in_room, in_list, has_left=False)


def transfer_ownership_as_staff(member: ChatMember, *, by: User) -> ChatMember:
    """Make somebody the owner in place of all who are: staff of the site need not be in the room."""
    with feeds.write(room_feed(member.group_chat_id)) as feed:
        require_staff(by)
        them = _reload(member)
        for owner in them.group_chat.members.select_related("user").owners().exclude(pk=them.pk):
            _give_role(owner, ChatRole.ADMIN, feed)
        if not them.owns:
            _give_role(them, ChatRole.OWNER, feed)
    return them


def remove_member_as_staff(member: ChatMember, *, by: User) -> None:
    """The same as `remove_member`, by staff of the site; the last owner has to be followed by somebody first."""
    with feeds.write(room_feed(member.group_chat_id), user_feed(member.user_id)) as (in_room, in_list):
        require_staff(by)
        them = _reload(member)
        _refuse_last_owner(them)
        _end(them, in_room, in_list, has_left=False)


def leave_room(room: GroupChat, *, user: User) -> None:
    """Go out of a room, unless one is its last owner."""
    CHANGING.hit(user.pk)
    with feeds.write(room_feed(room.pk), user_feed(user.pk)) as (in_room, in_list):
        me = membership(room, user)
        _refuse_last_owner(me)
        _end(me, in_room, in_list, has_left=True)


def leave_all_rooms(user: User) -> None:
    """Out of all rooms, before an account is deleted: the eldest of the highest role owns those that have no owner now.

    A room with nobody left in it goes, too, and so does the user's own feed.
    """
    memberships = ChatMember.objects.select_related("group_chat", "user").filter(user=user)
    own_feed = user_feed(user.pk)  # while it is locked, nobody adds them to a room

    def find_feeds() -> set[str]:
        return {own_feed, *map(room_feed, memberships.values_list("group_chat_id", flat=True))}

    with feeds.write_found(find_feeds) as writers:
        for member in list(memberships):
            name = room_feed(member.group_chat_id)
            others = member.group_chat.members.select_related("user").exclude(pk=member.pk)
            successor = others.first()
            if successor is None:
                member.group_chat.delete()
                feeds.delete([name])
                continue
            if member.owns and not successor.owns:
                _give_role(successor, ChatRole.OWNER, writers[name])
            writers[name].publish(MemberRemoved.of(member, has_left=True))
            _delete_member(member)
        feeds.delete([own_feed])


def membership(room: GroupChat, user: User) -> ChatMember:
    """What somebody is in a room at this moment; raises `NotInRoom`."""
    member = ChatMember.objects.select_related("group_chat", "user").filter(group_chat=room, user=user).first()
    if member is None:
        raise NotInRoom
    return member


def require_staff(by: User) -> None:
    if not by.is_staff:
        raise NotAllowed("Only staff can do this in a room they are not in.")


def _reload(member: ChatMember) -> ChatMember:
    now = ChatMember.objects.select_related("group_chat", "user").filter(pk=member.pk).first()
    if now is None:
        raise NotInRoom
    return now


def _both(member: ChatMember, by: User) -> tuple[ChatMember, ChatMember]:
    """Whoever asks and whoever it is about, as they are now that the room is locked."""
    found = ChatMember.objects.select_related("group_chat", "user").filter(group_chat=member.group_chat_id)
    now = {one.user_id: one for one in found.filter(user__in=[by.pk, member.user_id])}
    if by.pk not in now or member.user_id not in now or now[member.user_id].pk != member.pk:
        raise NotInRoom
    return now[by.pk], now[member.user_id]


def _require_manager(me: ChatMember, them: ChatMember) -> None:
    if not me.may_manage:
        raise NotAllowed("Only owners and admins can do this.")
    if them.chat_role < me.chat_role:
        raise NotAllowed("Only an owner can do this to an owner.")


def _refuse_role_above(me: ChatMember, chat_role: int) -> None:
    if chat_role < me.chat_role:
        raise NotAllowed("You can't give a role above your own.")


def _refuse_last_owner(member: ChatMember) -> None:
    if member.owns and not member.group_chat.members.owners().exclude(pk=member.pk).exists():
        raise LastOwner


def _give_role(member: ChatMember, chat_role: int, feed: FeedWriter) -> None:
    member.chat_role = chat_role
    member.save(update_fields=["chat_role"])
    feed.publish(MemberUpdated.of(member))


def _end(member: ChatMember, in_room: FeedWriter, in_list: FeedWriter, *, has_left: bool) -> None:
    in_room.publish(MemberRemoved.of(member, has_left=has_left))
    in_list.change_key(room_key(member.group_chat_id), left_room_key(member.group_chat_id))
    in_list.publish(RemovedFromGroup.of(member.group_chat))
    _delete_member(member)


def _delete_member(member: ChatMember) -> None:
    """Deletes the membership and raises the room's version, so that no open list trusts what it knew."""
    member.delete()
    GroupChat.objects.filter(pk=member.group_chat_id).update(membership_version=F("membership_version") + 1)
