"""Titles for conversations: by the model, or the question's first words."""

import textwrap
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
from core.threads import in_database_thread

logger = structlog.get_logger(__name__)

TITLE_LENGTH = 60  # characters that a list shows
PROMPT = "Give the conversation that begins with the user's message a title of at most six words. Answer with it alone."


async def generate_title_from_first_message(question_id: int) -> None:
    """Name the conversation after its first question; a title that somebody gave meanwhile stays."""
    if question := await in_database_thread(_question, question_id):
        content, conversation_id = question
        title = await _ask_for_title(content)
        await in_database_thread(_store_title, conversation_id, title)


# By hand, as all that each answer does to the database (services/answers.py).


def _question(question_id: int) -> tuple[str, Any] | None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT content, conversation_id FROM assistants_assistantmessage WHERE id = %s", [question_id])
        question: tuple[str, Any] | None = cursor.fetchone()
    return question


def _store_title(conversation_id: Any, title: str) -> None:
    pk = AssistantConversation._meta.pk.to_python(conversation_id)
    with feeds.write(conversation_feed(pk)) as feed, connection.cursor() as cursor:
        cursor.execute(
            "UPDATE assistants_assistantconversation SET title = %s WHERE id = %s AND title = '' "
            "RETURNING model, created_at, updated_at",
            [title, conversation_id],
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
    words = " ".join(text.split())
    shortened = textwrap.shorten(words, TITLE_LENGTH, placeholder="…")
    # Without spaces, as in a long link or in Japanese, nothing is left of it.
    return shortened if shortened != "…" else words[: TITLE_LENGTH - 1] + "…"
