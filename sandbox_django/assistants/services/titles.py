"""Titles for conversations: by the model, or the question's first words."""

import asyncio
import textwrap
from collections.abc import Sequence
from typing import Any

import structlog
from django.db import connection

from assistants.groups import conversation_feed
from assistants.messages.assistant import ConversationUpdated
from assistants.models import AssistantConversation
from assistants.services import ai_service
from assistants.services.ai_service import ModelUnavailable, Turn
from core.dates import aware
from core.live import feeds
from core.live.feeds import FeedWriter
from core.search_text import searchable
from core.validators import is_visible, readable
from runtime.batching import Batched
from runtime.per_loop import PerLoop
from runtime.threads import in_database_thread

logger = structlog.get_logger(__name__)

TITLE_LENGTH = 60  # characters that a list shows
AT_ONCE = 4  # titles; nobody waits for them, but others wait for their first words meanwhile
PROMPT = "Give the conversation that begins with the user's message a title of at most six words. Answer with it alone."

_turns = PerLoop(lambda: asyncio.Semaphore(AT_ONCE))


async def generate_title_from_first_message(question_id: int) -> None:
    """Name the conversation after its first question; a title that somebody gave meanwhile stays."""
    async with _turns.current():
        if question := await in_database_thread(_question, question_id):
            content, conversation_id = question
            await _titles.do((conversation_id, await _ask_for_title(content)))


# By hand, as all that each answer does to the database (services/answers.py).


def _question(question_id: int) -> tuple[str, Any] | None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT content, conversation_id FROM assistants_assistantmessage WHERE id = %s", [question_id])
        question: tuple[str, Any] | None = cursor.fetchone()
    return question


async def _store_titles(titles: Sequence[tuple[Any, str]]) -> list[None]:
    return await in_database_thread(_store_now, titles)


_titles = Batched(_store_titles, pause=0.25)


def _store_now(titles: Sequence[tuple[Any, str]]) -> list[None]:
    pks = [AssistantConversation._meta.pk.to_python(conversation_id) for conversation_id, _ in titles]
    with feeds.write_all([conversation_feed(pk) for pk in pks]) as locked:
        for pk, (_, title), feed in zip(pks, titles, locked, strict=True):
            _store_title(pk, title, feed)
    return [None] * len(titles)


def _store_title(pk: Any, title: str, feed: FeedWriter) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE assistants_assistantconversation SET title = %s, search_text = %s WHERE id = %s AND title = '' "
            "RETURNING model, created_at, updated_at",
            [title, searchable(title), AssistantConversation._meta.pk.get_db_prep_value(pk, connection)],
        )
        if row := cursor.fetchone():
            model, created_at, updated_at = row
            conversation = AssistantConversation(
                pk=pk, title=title, model=model, created_at=aware(created_at), updated_at=aware(updated_at)
            )
            feed.publish(ConversationUpdated.of(conversation))


async def _ask_for_title(question: str) -> str:
    if ai_service.demo_model_answers():
        return _first_words(question)
    # The question is a turn of its own, not pasted into the prompt: nothing in it is formatted or followed.
    turns = [Turn("system", PROMPT), Turn("user", question[:2000])]
    try:
        title = await ai_service.complete(turns, at_most=2 * TITLE_LENGTH)
    except ModelUnavailable as failure:
        logger.info("title_from_first_words", code=failure.code.value)
        return _first_words(question)
    return _first_words(title.strip().strip("\"'“”*#. ")) or _first_words(question)


def _first_words(text: str) -> str:
    words = readable(text)
    if not is_visible(words):
        return ""
    shortened = textwrap.shorten(words, TITLE_LENGTH, placeholder="…")
    # Without spaces, as in a long link or in Japanese, nothing is left of it.
    return shortened if shortened != "…" else words[: TITLE_LENGTH - 1] + "…"
