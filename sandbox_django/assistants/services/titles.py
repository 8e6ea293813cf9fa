"""Generates titles of conversations with the model, or else from the first words of the question."""

import asyncio
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import structlog
from django.db import transaction

from assistants.groups import conversation_feed
from assistants.llm.answer_text import without_unopened_thoughts
from assistants.llm.base import Turn
from assistants.messages.assistant import ConversationUpdated
from assistants.models import AssistantConversation, AssistantMessage
from assistants.services import ai_service
from assistants.services.quotas import Charge, cost_of, sent_tokens, settle
from core.validators import is_visible, readable
from live import feeds
from live.feeds import FeedWriter
from runtime.batching import Batcher
from runtime.per_loop import PerLoop
from runtime.threads import in_database_thread

logger = structlog.get_logger(__name__)

TITLE_LENGTH = 60  # characters that the list of conversations shows
TITLE_RESERVE = 50  # tokens reserved for a title until its real cost is known
MAX_CONCURRENT = 4  # titles at a time; more would delay the first words of answers, which are more urgent
PROMPT = "Give the conversation that begins with the user's message a title of at most six words. Answer with it alone."

_slots = PerLoop(lambda: asyncio.Semaphore(MAX_CONCURRENT))


@dataclass(frozen=True, slots=True)
class FirstQuestion:
    """The question that a conversation is named after, with the quota keys of the question's newest answer."""

    content: str
    conversation_id: UUID
    quota_key: str
    address_key: str
    asked_at: datetime

    def turns(self) -> list[Turn]:
        # The question is a separate turn, not a part of the prompt: its text must not be formatted or obeyed.
        return [Turn("system", PROMPT), Turn("user", self.content[:2000])]

    def charge(self, *, reserved: int, cost: int) -> Charge:
        return Charge(self.quota_key, self.address_key, self.asked_at, reserved, cost)


@dataclass(frozen=True, slots=True)
class Title:
    conversation_id: UUID
    text: str
    charge: Charge | None  # None if the title is from the demo script


async def generate_title_from_first_message(question_id: int) -> None:
    """Generates a conversation's title from its first question. A title that a user sets in the meantime is kept."""
    async with _slots.current():
        if question := await in_database_thread(_load_question, question_id):
            await _titles.submit(await _ask_for_title(question))


def _load_question(question_id: int) -> FirstQuestion | None:
    """Returns the question, and reserves the expected cost of a title in the question's quotas."""
    asked = AssistantMessage.objects.asked_question(question_id)
    if asked is None:
        return None
    question = FirstQuestion(*asked)
    if not ai_service.demo_model_answers():
        with transaction.atomic():
            settle([question.charge(reserved=0, cost=_reserve_for(question))])
    return question


def _reserve_for(question: FirstQuestion) -> int:
    return sent_tokens(question.turns()) + TITLE_RESERVE


async def _store_titles(titles: Sequence[Title]) -> list[None]:
    return await in_database_thread(_store_now, titles)


_titles = Batcher(_store_titles, pause=0.25)


def _store_now(titles: Sequence[Title]) -> list[None]:
    pks = [title.conversation_id for title in titles]
    with feeds.write_all([conversation_feed(pk) for pk in pks]) as locked:
        for pk, title, feed in zip(pks, titles, locked, strict=True):
            _store_title(pk, title.text, feed)
        settle([title.charge for title in titles if title.charge])
    return [None] * len(titles)


def _store_title(pk: UUID, title: str, feed: FeedWriter) -> None:
    if conversation := AssistantConversation.objects.set_generated_title(pk, title):
        feed.publish(ConversationUpdated.of(conversation))


async def _ask_for_title(question: FirstQuestion) -> Title:
    default = _first_words(question.content)
    if ai_service.demo_model_answers():
        return Title(question.conversation_id, default, None)
    answer = await ai_service.complete(question.turns(), at_most=2 * TITLE_LENGTH)
    error = answer.problem.value if answer.problem else ""
    if error:
        logger.info("title_from_first_words", code=error)
    cost = cost_of(
        question.turns(), received=answer.text, reasoning_size=answer.reasoning_size, usage=answer.usage, error=error
    )
    text = without_unopened_thoughts(answer.text) if answer.is_complete else ""
    title = _first_words(text.strip().strip("\"'“”*#. ")) or default
    return Title(question.conversation_id, title, question.charge(reserved=_reserve_for(question), cost=cost))


def _first_words(text: str) -> str:
    first_words = readable(text)
    if not is_visible(first_words):
        return ""
    shortened = textwrap.shorten(first_words, TITLE_LENGTH, placeholder="…")
    # `shorten` returns only the placeholder for a long text without spaces, such as a link or Japanese.
    return shortened if shortened != "…" else first_words[: TITLE_LENGTH - 1] + "…"
