"""Groups messages by author and day. static/chat/js/timeline.js does the same for messages that arrive later."""

from collections.abc import Container, Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from django.utils.timezone import localdate

from chat.models import ChatMember, ChatMessage

# Messages that one author posts within this time are shown under one name.
GROUP_WITHIN = timedelta(minutes=5)


@dataclass(frozen=True)
class Row:
    """A message, with the name and date shown above it."""

    message: ChatMessage
    is_mine: bool
    names_me: bool
    begins: bool  # the row shows its author's name
    day: date | None = None  # the message's day, if this is the first message of that day
    is_first_unread: bool = False
    is_namesake: bool = False  # another member has the same name as the author


def rows_of(messages: Iterable[ChatMessage], me: ChatMember, *, namesakes: Container[int | None] = ()) -> list[Row]:
    rows: list[Row] = []
    last: ChatMessage | None = None
    unread_found = False
    for message in messages:
        is_mine = message.author_id == me.user_id
        day = localdate(message.created_at)
        is_new_day = last is None or localdate(last.created_at) != day
        is_first_unread = not (unread_found or is_mine or message.is_deleted) and message.number > me.last_read_number
        unread_found = unread_found or is_first_unread
        rows.append(
            Row(
                message=message,
                is_mine=is_mine,
                names_me=me.user_id in message.mentions,
                begins=is_new_day or is_first_unread or last is None or not _are_grouped(last, message),
                day=day if is_new_day else None,
                is_first_unread=is_first_unread,
                is_namesake=message.author_id in namesakes,
            )
        )
        last = message
    return rows


def _are_grouped(last: ChatMessage, message: ChatMessage) -> bool:
    return last.author_id == message.author_id is not None and message.created_at - last.created_at < GROUP_WITHIN
