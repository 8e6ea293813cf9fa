"""The part that both transports to an OpenAI-compatible server share: time-outs, retries and clean text."""

import asyncio
import random
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

import structlog
from django.conf import settings

from assistants.llm.answer_text import AnswerText
from assistants.llm.base import AnswerPart, Finish, Reasoning, Turn
from assistants.llm.errors import TRANSIENT, ModelProblem, ModelUnavailable
from assistants.llm.inactivity_timeout import InactivityTimeout
from assistants.llm.request_format import OPENAI_URL, Part, first_format, known_formats

logger = structlog.get_logger(__name__)

# Servers without keys (Ollama, vLLM) ignore the key; the clients insist on sending one.
NO_KEY = "none"

RETRIES = 2
FIRST_BACKOFF = 0.5  # seconds; doubles, and half of it is random

END_TIMEOUT = 2.0  # seconds between the end of the text and the end of the stream

# Finish reasons of servers that are failures. All others but `base.CUT_SHORT` are proper ends.
FILTERED = {
    "content_filter",
    "content_filtered",
    "safety",
    "sensitive",
    "recitation",
    "prohibited_content",
    "blocklist",
}
BROKEN = {"error", "server_error", "network_error", "insufficient_system_resource", "abort", "aborted", "cancelled"}


class AnswerTimeout(InactivityTimeout):
    """The time-outs of one answer: to its first word, between words, of reasoning, and after the end of the text.

    All attempts share the first one, so a user never waits longer for a first word because of retries. A server that
    stays silent is asked only once: it may be working on the question, which costs money.
    """

    __slots__ = ("_has_finish_reason", "_reasoning_deadline")

    def __init__(self) -> None:
        super().__init__(settings.OPENAI_FIRST_TOKEN_TIMEOUT)
        self.start_attempt()

    def start_attempt(self) -> None:
        self._has_finish_reason = False
        self._reasoning_deadline: float | None = None

    def on_text(self) -> None:
        if not self._has_finish_reason:
            self.renew(settings.OPENAI_TOKEN_TIMEOUT)

    def on_reasoning(self) -> None:
        """Anything that the server sends renews the time-out, but reasoning has a limit of its own."""
        if self._has_finish_reason:
            return
        now = asyncio.get_running_loop().time()
        if self._reasoning_deadline is None:
            self._reasoning_deadline = now + settings.OPENAI_THINKING_TIMEOUT
        if now >= self._reasoning_deadline:
            raise ModelUnavailable(ModelProblem.TIMEOUT, cause="thinking")
        self.renew(min(settings.OPENAI_TOKEN_TIMEOUT, self._reasoning_deadline - now))

    def on_finish_reason(self) -> None:
        """The text is complete. Only the usage is missing, and not every server sends it."""
        self._has_finish_reason = True
        self.renew(min(END_TIMEOUT, settings.OPENAI_TOKEN_TIMEOUT))


class RemoteModel(ABC):
    """A model on an OpenAI-compatible server. A subclass is one transport."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._url: str = (settings.OPENAI_BASE_URL.strip() or OPENAI_URL).rstrip("/")
        self._key: str = settings.OPENAI_API_KEY.strip() or NO_KEY
        self._organization: str = settings.OPENAI_ORG.strip()
        self._format = known_formats.get(self._url, name) or first_format(self._url)
        self._is_new_format = False

    async def stream(self, turns: Sequence[Turn]) -> AsyncGenerator[AnswerPart, None]:
        await self.prepare()
        idle_timeout = AnswerTimeout()
        failures = 0
        try:
            while True:
                idle_timeout.start_attempt()
                try:
                    async with aclosing(self._attempt(turns, idle_timeout)) as parts:
                        async for part in parts:
                            yield part
                    return
                except ModelUnavailable as failure:
                    if failure.has_started:
                        raise
                    if self._adapt(turns, failure):
                        continue
                    failures += 1
                    pause = FIRST_BACKOFF * 2 ** (failures - 1) * random.uniform(0.5, 1)  # noqa: S311  # no secret
                    if failure.code not in TRANSIENT or failures > RETRIES or pause > idle_timeout.remaining():
                        raise
                    logger.info("model_request_retried", code=failure.code.value, cause=failure.cause, tries=failures)
                await asyncio.sleep(pause)
        finally:
            idle_timeout.stop()

    async def _attempt(self, turns: Sequence[Turn], idle_timeout: AnswerTimeout) -> AsyncGenerator[AnswerPart, None]:
        """Asks once, and yields the parts of the answer."""
        answer, finish = AnswerText(), Finish("")
        has_started, has_text, reasoning_size = False, False, 0
        failure: ModelUnavailable | None = None
        try:
            async with aclosing(self._ask(turns, idle_timeout)) as parts:
                async for part in parts:
                    if isinstance(part, Finish):
                        finish = part
                        continue
                    if not has_started:
                        has_started = True
                        self._keep_format()
                    text = answer.feed(part) if isinstance(part, str) else ""
                    if isinstance(part, Reasoning):
                        yield part
                    elif not has_text and (size := answer.reasoning_size - reasoning_size):
                        reasoning_size += size
                        yield Reasoning(size)
                    if text:
                        has_text = True
                        yield text
                        idle_timeout.on_text()
                    else:
                        idle_timeout.on_reasoning()
        except ModelUnavailable as error:
            failure = error
        if text := answer.close():
            has_text = True
            yield text
        failure = failure or _failure_of(finish, has_text=has_text)
        if failure:
            failure.has_started = has_started
            raise failure
        yield finish

    def _adapt(self, turns: Sequence[Turn], failure: ModelUnavailable) -> bool:
        """Drops the parts of the request that the server has rejected; returns whether to ask again without them."""
        rejected = failure.rejected
        if turns[0].role != "system":
            rejected -= {Part.SYSTEM_ROLE}
        if not settings.ASSISTANT_MAX_ANSWER_TOKENS:
            rejected -= {Part.LENGTH_LIMIT, Part.ANY_LENGTH_LIMIT}
        adapted = self._format.without(rejected)
        if adapted is None:
            return False
        self._format = adapted
        # A conversation that is too long for a limit implies nothing about the next one.
        self._is_new_format = failure.code is not ModelProblem.CONTEXT_TOO_LONG
        logger.info("model_request_adapted", model=self.name, rejected=sorted(rejected))
        return True

    def _keep_format(self) -> None:
        if self._is_new_format:
            self._is_new_format = False
            known_formats.remember(self._url, self.name, self._format)

    def _messages(self, turns: Sequence[Turn]) -> list[dict[str, str]]:
        if turns[0].role == "system" and not self._format.system_role:
            system, first, *later = turns
            turns = [Turn(first.role, f"{system.content}\n\n{first.content}"), *later]
        return [{"role": turn.role, "content": turn.content} for turn in turns]

    def _token_limit(self) -> dict[str, int]:
        limit: int = settings.ASSISTANT_MAX_ANSWER_TOKENS
        return {name: limit for name in self._format.token_limits[:1] if limit}

    @abstractmethod
    async def prepare(self) -> None:
        """Loads and opens what a request needs. This takes time only once, which no time-out of an answer counts."""

    @abstractmethod
    def _ask(self, turns: Sequence[Turn], idle_timeout: AnswerTimeout) -> AsyncGenerator[AnswerPart, None]:
        """Asks once, and yields the text as it arrives, then a Finish; its reason is empty if the server sent none.

        Every await on the server is made `with idle_timeout`. Its `on_finish_reason` is called at the end of the text.
        """


def _failure_of(finish: Finish, *, has_text: bool) -> ModelUnavailable | None:
    """Returns the failure that an end stands for; None if it is a proper end."""
    if not finish.reason:
        return ModelUnavailable(ModelProblem.CUT_OFF, cause="no finish reason", usage=finish.usage)
    reason = finish.reason.lower()
    if reason in FILTERED:
        return ModelUnavailable(ModelProblem.CONTENT_FILTERED, cause="finish reason", usage=finish.usage)
    if reason in BROKEN:
        return ModelUnavailable(ModelProblem.OVERLOADED, cause="finish reason", usage=finish.usage)
    if not has_text:
        return ModelUnavailable(ModelProblem.EMPTY, usage=finish.usage)
    return None
