"""Adds and removes members of a room, and changes their roles.

Every change first locks the room's feed, and then reads both memberships again. So concurrent changes run one after the
other, and each is checked against the roles that the previous change has left.
"""

from django.db.models import F

from accounts.models import User
from chat.groups import left_room_key, room_feed, room_key, user_feed
from chat.messages.chat import AddedToGroup, MemberAdded, MemberRemoved, MemberUpdated, RemovedFromGroup
from chat.models import ChatMember, GroupChat
from chat.models.room import ChatRole
from chat.permissions import require_manager, require_may_add, require_staff
from core.errors import Conflict, Invalid, NotAllowed, NotFound
from core.throttling import Limit
from live import feeds
from live.feeds import FeedWriter

# There is a limit because adding a user by e-mail reveals whether the e-mail has an account.
ADDING = Limit("chat members added", times=200, seconds=3600)
CHANGING = Limit("chat member changes", times=200, seconds=3600)


class NotInRoom(NotFound):
    """The acting user or the other member is not in the room, or no longer."""


class AlreadyInRoom(Invalid):
    field = "user"
    default_code = "already_in_room"
    default_detail = "They're already in this room."


class LastOwner(Conflict):
    default_code = "last_owner"
    default_detail = "A room needs an owner. Make another member the owner first."


class MayNotTransfer(NotAllowed):
    default_detail = "Only an owner can hand the room over."


class RoleTooHigh(NotAllowed):
    default_detail = "You can't give a role above your own."


def add_member(room: GroupChat, *, user: User, by: User, chat_role: int = ChatRole.MEMBER) -> ChatMember:
    """Adds `user` to the room. Messages that were posted earlier count as read."""
    ADDING.hit(by.pk)
    with feeds.write(room_feed(room.pk), user_feed(user.pk)) as (in_room, in_list):
        me = membership(room, by)
        require_may_add(me)
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
    """Changes a member's role. An owner may give up that role if the room has another owner."""
    CHANGING.hit(by.pk)
    with feeds.write(room_feed(member.group_chat_id)) as feed:
        me, them = _both(member, by)
        if me.pk != them.pk:
            require_manager(me, them)
        _refuse_role_above(me, chat_role)
        if chat_role != ChatRole.OWNER:
            _refuse_last_owner(them)
        if them.chat_role != chat_role:
            _give_role(them, chat_role, feed)
    return them


def transfer_ownership(member: ChatMember, *, by: User) -> ChatMember:
    """Makes another member the owner. The previous owner becomes an admin."""
    CHANGING.hit(by.pk)
    with feeds.write(room_feed(member.group_chat_id)) as feed:
        me, them = _both(member, by)
        if not me.owns:
            raise MayNotTransfer
        if me.pk != them.pk:
            _give_role(them, ChatRole.OWNER, feed)
            _give_role(me, ChatRole.ADMIN, feed)
    return them


def remove_member(member: ChatMember, *, by: User) -> None:
    """Removes a member, and closes the member's open pages of this room. The member's messages stay."""
    CHANGING.hit(by.pk)
    with feeds.write(room_feed(member.group_chat_id), user_feed(member.user_id)) as (in_room, in_list):
        me, them = _both(member, by)
        require_manager(me, them)
        _end(them, in_room, in_list, has_left=False)


def transfer_ownership_as_staff(member: ChatMember, *, by: User) -> ChatMember:
    """Makes this member the only owner. This is for the site's staff, who need not be members of the room."""
    with feeds.write(room_feed(member.group_chat_id)) as feed:
        require_staff(by)
        them = _reload(member)
        for owner in them.group_chat.members.select_related("user").owners().exclude(pk=them.pk):
            _give_role(owner, ChatRole.ADMIN, feed)
        if not them.owns:
            _give_role(them, ChatRole.OWNER, feed)
    return them


def remove_member_as_staff(member: ChatMember, *, by: User) -> None:
    """Removes a member on behalf of the site's staff. Refuses to remove the last owner, so staff first choose a new
    owner.
    """
    with feeds.write(room_feed(member.group_chat_id), user_feed(member.user_id)) as (in_room, in_list):
        require_staff(by)
        them = _reload(member)
        _refuse_last_owner(them)
        _end(them, in_room, in_list, has_left=False)


def leave_room(room: GroupChat, *, user: User) -> None:
    """Removes the user from a room. Refuses if the user is the room's last owner."""
    CHANGING.hit(user.pk)
    with feeds.write(room_feed(room.pk), user_feed(user.pk)) as (in_room, in_list):
        me = membership(room, user)
        _refuse_last_owner(me)
        _end(me, in_room, in_list, has_left=True)


def leave_all_rooms(user: User) -> None:
    """Removes a user from all rooms before the account is deleted.

    If this leaves a room without an owner, the earliest member with the highest role becomes the owner. Rooms without
    members are deleted, and so is the user's own feed.
    """
    memberships = ChatMember.objects.select_related("group_chat", "user").filter(user=user)
    own_feed = user_feed(user.pk)  # while this is locked, no request can add the user to a room

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
    """Returns the user's current membership of a room. Raises `NotInRoom` if there is none."""
    member = ChatMember.objects.select_related("group_chat", "user").filter(group_chat=room, user=user).first()
    if member is None:
        raise NotInRoom
    return member


def _reload(member: ChatMember) -> ChatMember:
    now = ChatMember.objects.select_related("group_chat", "user").filter(pk=member.pk).first()
    if now is None:
        raise NotInRoom
    return now


def _both(member: ChatMember, by: User) -> tuple[ChatMember, ChatMember]:
    """Returns the memberships of the acting user `by` and of `member`, as they are while the room's feed is locked."""
    found = ChatMember.objects.select_related("group_chat", "user").filter(group_chat=member.group_chat_id)
    now = {one.user_id: one for one in found.filter(user__in=[by.pk, member.user_id])}
    if by.pk not in now or member.user_id not in now or now[member.user_id].pk != member.pk:
        raise NotInRoom
    return now[by.pk], now[member.user_id]


def _refuse_role_above(me: ChatMember, chat_role: int) -> None:
    if chat_role < me.chat_role:
        raise RoleTooHigh


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
    """Deletes the membership, and increments the room's version so that open room lists look the members up again."""
    member.delete()
    GroupChat.objects.filter(pk=member.group_chat_id).update(membership_version=F("membership_version") + 1)
