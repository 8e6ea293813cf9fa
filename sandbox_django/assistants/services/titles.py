"""Titles for conversations: by the model, or the question's first words."""

import textwrap
from uuid import UUID

import structlog

from assistants.groups import conversation_feed
from assistants.messages.assistant import ConversationUpdated
from assistants.models import AssistantConversation, AssistantMessage
from assistants.services import ai_service
from assistants.services.ai_service import ModelUnavailable, Turn
from core.live import feeds
from core.threads import in_database_thread

logger = structlog.get_logger(__name__)

TITLE_LENGTH = 60  # characters that a list shows
PROMPT = "Give the conversation that begins with the user's message a title of at most six words. Answer with it alone."


async def generate_title_from_first_message(question_id: int) -> None:
    """Name the conversation after its first question; a title that somebody gave meanwhile stays."""
    question = await in_database_thread(
        AssistantMessage.objects.filter(pk=question_id).values_list("content", "conversation_id").first
    )
    if question is None:
        return
    content, conversation_id = question
    title = await _ask_for_title(content)
    await in_database_thread(_store_title, conversation_id, title)


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


def _store_title(conversation_id: UUID, title: str) -> None:
    with feeds.write(conversation_feed(conversation_id)) as feed:
        conversation = AssistantConversation.objects.filter(pk=conversation_id, title="").first()
        if conversation is not None:
            conversation.title = title
            conversation.save(update_fields=["title"])
            feed.publish(ConversationUpdated.of(conversation))
