"""Searches the messages of a user's rooms, newest first.

PostgreSQL finds messages of any age by its trigram index. Without the index, messages are compared one by one. So each
search is limited to the newest messages, and the user can continue with older ones.
"""

from dataclasses import dataclass

from django.db.models import QuerySet

from accounts.models import User
from chat.models import ChatMessage, GroupChat
from core.search_text import SearchQuery, finds_by_index
from core.throttling import Limit

SEARCHES = Limit("chat searches", times=120, seconds=60)

# The number of messages to compare one by one. Common words are found among the first batch; if they are not, the
# search continues up to the maximum.
COMPARED_FIRST = 2_000
MAX_COMPARED = 50_000
FOUND_ON_PAGE = 50
INDEX = "chat_message_trigrams"


@dataclass(frozen=True)
class FoundMessages:
    """One page of results, newest first."""

    messages: list[ChatMessage]
    older_before: int | None  # `before` for the next page; None if there are no older messages


def search_messages(user: User, query: SearchQuery, *, before: int | None = None) -> FoundMessages:
    """Returns a page of messages in the user's rooms with all words of the query. They are older than `before`."""
    messages = _before(ChatMessage.objects.in_rooms_of(user), before)
    if finds_by_index(INDEX, query.words):
        return _page(messages, query, None)
    for at_most in (COMPARED_FIRST, MAX_COMPARED):
        newest, oldest_id = _newest(messages, at_most)
        page = _page(newest, query, oldest_id)
        if oldest_id is None or len(page.messages) == FOUND_ON_PAGE:
            break
    return page


def messages_matching(
    messages: QuerySet[ChatMessage], query: SearchQuery, *, before: int | None = None
) -> QuerySet[ChatMessage]:
    """Returns one room's messages that contain all words of the query. Without the index, looks only at the newest."""
    if not finds_by_index(INDEX, query.words):
        messages, _ = _newest(_before(messages, before), MAX_COMPARED)
    return query.filter(messages.filter(is_deleted=False))


def rooms_matching(user: User, query: SearchQuery) -> QuerySet[GroupChat]:
    """Returns the user's rooms whose titles contain all words of the query."""
    return query.filter(GroupChat.objects.joined_by(user))


def _page(messages: QuerySet[ChatMessage], query: SearchQuery, oldest_id: int | None) -> FoundMessages:
    found = query.filter(messages.filter(is_deleted=False))
    ids = list(found.order_by("-pk").values_list("pk", flat=True)[: FOUND_ON_PAGE + 1])
    has_more = len(ids) > FOUND_ON_PAGE
    ids = ids[:FOUND_ON_PAGE]
    rows = ChatMessage.objects.select_related("author", "group_chat").in_bulk(ids)
    return FoundMessages([rows[pk] for pk in ids if pk in rows], ids[-1] if has_more else oldest_id)


def _before(messages: QuerySet[ChatMessage], before: int | None) -> QuerySet[ChatMessage]:
    return messages if before is None else messages.filter(pk__lt=before)


def _newest(messages: QuerySet[ChatMessage], at_most: int) -> tuple[QuerySet[ChatMessage], int | None]:
    """Returns the `at_most` newest messages, and the id of the oldest of them if there are older messages."""
    ids = messages.order_by("-pk").values_list("pk", flat=True)
    edge = list(ids[at_most - 1 : at_most + 1])  # the last message within the limit, and the one after it
    return (messages.filter(pk__gte=edge[0]), edge[0]) if len(edge) == 2 else (messages, None)
