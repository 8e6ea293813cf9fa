"""The pages of the group chat. JavaScript sends messages through the API. Forms change rooms and members, and also work
without JavaScript.
"""

import json
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.timezone import now
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.models import User
from chat.forms import AddMemberForm, NewRoomForm, RoleForm, RoomForm
from chat.groups import room_feed, user_feed
from chat.models import ChatMember, ChatMessage, GroupChat
from chat.models.room import ChatRole
from chat.namesakes import MAX_COMPARED, full_name, member_names, names_of, namesakes
from chat.permissions import require_owner
from chat.serializers.message import MAX_LENGTH
from chat.services.members import (
    AlreadyInRoom,
    LastOwner,
    add_member,
    change_role,
    leave_room,
    remove_member,
    transfer_ownership,
)
from chat.services.rooms import change_room, create_room, delete_room
from chat.services.search import SEARCHES, rooms_matching, search_messages
from chat.timeline import Row, rows_of
from core.errors import NotAllowed
from core.query import parse_id
from core.search_text import SearchQuery
from core.throttling import RateLimited
from live import feeds

SHOWN_MESSAGES = 50
SHOWN_AROUND = 25  # messages before and after a search result
SHOWN_ROOMS = 300
FOUND_ROOMS = 50


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def home(request: HttpRequest) -> HttpResponse:
    """Shows the user's rooms and a form for a new room. A `POST` creates the room."""
    me = current_user(request)
    form = NewRoomForm(request.POST or None)
    if form.is_valid():
        try:
            made = create_room(me, **form.cleaned_data)
        except RateLimited as limit:
            form.add_error(None, limit.form_error())
        else:
            return redirect("chat-group-detail", made.pk)
    context = {"form": form, "is_refused": form.is_bound}
    return render(request, "chat/home.html", context | room_list(me))


@login_required
@never_cache
@require_safe
def room(request: HttpRequest, pk: int) -> HttpResponse:
    """Shows the page of a room. With `?at=`, it starts at the message with this id."""
    # The head is read before the rows. So an event between the two reads is delivered again and drawn once, instead of
    # being lost.
    since = feeds.head(room_feed(pk))
    me = membership_of(request, pk)
    opened = me.group_chat
    at = parse_id(request.GET.get("at", ""))
    unread = first_unread(me) if at is None else None
    if at is not None:
        shown, has_earlier, has_later = messages_around(opened, at)
    elif unread is not None:
        shown, has_earlier, has_later = messages_around(opened, unread - 1, after=SHOWN_MESSAGES)
    else:
        shown, has_earlier, has_later = latest_messages(opened)
    names = member_names(opened)
    shared = namesakes(names)
    context = {
        "room": opened,
        "me": me,
        "rows": rows_of(shown, me, namesakes=shared),
        "namesakes": json.dumps(shared),
        "has_earlier": has_earlier,
        "has_later": has_later,
        "at": "" if at is None else str(at),
        "starts_at_unread": unread is not None,
        "max_length": MAX_LENGTH,
        "since": since,
        "socket_url": f"/ws/chat/{opened.pk}/",
        "member_count": len(names) if len(names) < MAX_COMPARED else opened.members.count(),
        "blank": Row(ChatMessage(created_at=now()), is_mine=False, names_me=False, begins=True),
    }
    return render(request, "chat/room.html", context | room_list(me.user, opened))


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def members(request: HttpRequest, pk: int) -> HttpResponse:
    """Shows the members of a room. Owners and admins add and remove members here."""
    since = feeds.head(room_feed(pk))
    me = membership_of(request, pk)
    form = AddMemberForm(request.POST or None, by=me)
    if form.is_valid():
        try:
            user, role = form.cleaned_data["user"], form.cleaned_data["role"] or ChatRole.MEMBER
            added = add_member(me.group_chat, user=user, chat_role=role, by=me.user)
        except (AlreadyInRoom, RateLimited) as refusal:
            form.add_error("user", refusal.form_error())
        else:
            messages.success(request, f"{full_name(added, viewer=me)} is in the room now.")
            return redirect("group_members", pk)
    everyone = list(me.group_chat.members.select_related("user"))
    context = {
        "room": me.group_chat,
        "me": me,
        "members": everyone,
        "namesakes": namesakes(names_of(everyone)),
        "roles": ChatRole,
        "form": form,
        "since": since,
        "socket_url": f"/ws/chat/{pk}/",
    }
    return render(request, "chat/members.html", context | room_list(me.user, me.group_chat))


@login_required
@require_POST
def change(request: HttpRequest, pk: int, member_id: int) -> HttpResponse:
    """Changes a member's role, or transfers ownership."""
    me = membership_of(request, pk)
    member = get_object_or_404(me.group_chat.members, pk=member_id)
    form = RoleForm(request.POST)
    try:
        if "hand_over" in request.POST:
            transfer_ownership(member, by=me.user)
        elif form.is_valid():
            change_role(member, chat_role=form.cleaned_data["chat_role"], by=me.user)
        else:
            return HttpResponseBadRequest()
    except (LastOwner, NotAllowed) as refusal:
        messages.error(request, refusal.page_text)
    return redirect("group_members", pk)


@login_required
@require_POST
def remove(request: HttpRequest, pk: int, member_id: int) -> HttpResponse:
    """Removes a member."""
    me = membership_of(request, pk)
    member = get_object_or_404(me.group_chat.members.select_related("user"), pk=member_id)
    if member.pk == me.pk:
        return leave(request, pk)
    name = full_name(member, viewer=me)
    try:
        remove_member(member, by=me.user)
    except NotAllowed as refusal:
        messages.error(request, refusal.page_text)
    else:
        messages.success(request, f"{name} is not in the room any more.")
    return redirect("group_members", pk)


@login_required
@require_POST
def leave(request: HttpRequest, pk: int) -> HttpResponse:
    """Leaves a room."""
    me = membership_of(request, pk)
    try:
        leave_room(me.group_chat, user=me.user)
    except LastOwner as refusal:
        messages.error(request, refusal.page_text)
        return redirect("group_members", pk)
    messages.success(request, f"You have left “{me.group_chat}”.")
    return redirect("chat-home")


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def settings(request: HttpRequest, pk: int) -> HttpResponse:
    """Shows the settings of a room to its owners. A `POST` changes them."""
    me = owner_of(request, pk)
    # The form edits a copy of the room, so that the rest of the page doesn't show a rejected title.
    form = RoomForm(request.POST or None, instance=GroupChat.objects.get(pk=pk))
    if form.is_valid():
        try:
            change_room(me.group_chat, by=me.user, **form.cleaned_data)
        except RateLimited as limit:
            form.add_error(None, limit.form_error())
        else:
            messages.success(request, "Saved.")
            return redirect("room_settings", pk)
    context = {"room": me.group_chat, "me": me, "form": form}
    return render(request, "chat/settings.html", context | room_list(me.user, me.group_chat))


@login_required
@require_POST
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    """Deletes a room with all messages."""
    me = owner_of(request, pk)
    delete_room(me.group_chat, by=me.user)
    messages.success(request, f"“{me.group_chat}” is deleted.")
    return redirect("chat-home")


@login_required
@never_cache
@require_safe
def search(request: HttpRequest) -> HttpResponse:
    """Searches the user's messages and rooms. With `?before=`, continues with older messages."""
    me = current_user(request)
    words = request.GET.get("q", "").replace("\x00", "").strip()
    before = parse_id(request.GET.get("before", ""))
    query = SearchQuery.parse(words)
    context: dict[str, Any] = {"words": words, "query": query}
    if query:
        try:
            SEARCHES.hit(me.pk)
        except RateLimited as limit:
            context["limit"] = limit.page_text
            return render(request, "chat/search.html", context | room_list(me), status=429)
        found = search_messages(me, query, before=before)
        context |= {"found": found.messages, "is_continued": before is not None}
        if found.older_before is not None:
            context["older"] = urlencode({"q": words, "before": found.older_before})
        if before is None:
            context["rooms_found"] = rooms_matching(me, query)[:FOUND_ROOMS]
    return render(request, "chat/search.html", context | room_list(me))


def current_user(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # ensured by login_required
    return request.user


def membership_of(request: HttpRequest, room_id: int) -> ChatMember:
    """Returns the user's membership of a room. Raises 404 if the user isn't a member."""
    mine = ChatMember.objects.select_related("group_chat", "user").filter(user=current_user(request))
    return get_object_or_404(mine, group_chat__pk=room_id)


def owner_of(request: HttpRequest, room_id: int) -> ChatMember:
    me = membership_of(request, room_id)
    require_owner(me)
    return me


def room_list(me: User, opened: GroupChat | None = None) -> dict[str, Any]:
    """Returns the room list of the sidebar. The room with the latest activity comes first."""
    list_since = feeds.head(user_feed(me.pk))
    rooms = list(GroupChat.objects.joined_by(me).with_counts().with_last_message()[:SHOWN_ROOMS])
    return {"rooms": rooms, "opened": opened, "list_since": list_since}


def latest_messages(room: GroupChat) -> tuple[list[ChatMessage], bool, bool]:
    newest = list(room.messages.with_senders(room).order_by("-pk")[: SHOWN_MESSAGES + 1])
    return newest[:SHOWN_MESSAGES][::-1], len(newest) > SHOWN_MESSAGES, False


def first_unread(me: ChatMember) -> int | None:
    """Returns the id of the first message that the member hasn't read, or None."""
    if me.last_read_number >= me.group_chat.last_number:
        return None
    unread = me.group_chat.messages.filter(number__gt=me.last_read_number, is_deleted=False).exclude(author=me.user)
    return unread.order_by("number").values_list("pk", flat=True).first()


def messages_around(
    room: GroupChat, message_id: int, *, after: int = SHOWN_AROUND
) -> tuple[list[ChatMessage], bool, bool]:
    """Returns a message with the messages around it. Also returns whether there are more before and after."""
    messages_of_room = room.messages.with_senders(room)
    before = list(messages_of_room.filter(pk__lte=message_id).order_by("-pk")[: SHOWN_AROUND + 1])
    later = list(messages_of_room.filter(pk__gt=message_id).order_by("pk")[: after + 1])
    shown = before[:SHOWN_AROUND][::-1] + later[:after]
    return shown, len(before) > SHOWN_AROUND, len(later) > after
