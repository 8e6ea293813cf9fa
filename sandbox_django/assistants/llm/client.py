"""The base class of both transports to an OpenAI-compatible server: adds timeouts and retries, and cleans the text."""

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

# The clients always send a key. Servers without keys (Ollama, vLLM) ignore it.
NO_KEY = "none"

RETRIES = 2
FIRST_BACKOFF = 0.5  # seconds; it doubles with each retry, and half of it is random

END_TIMEOUT = 2.0  # seconds between the end of the text and the end of the stream

# Finish reasons that mean a failure. All other reasons, except those in `base.CUT_SHORT`, mean a complete answer.
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
    """The timeouts of one answer: until its first word, between words, for reasoning, and after the end of the text.

    All attempts share the timeout for the first word, so that retries don't prolong it. A server that stays silent is
    asked only once, because it may be working on the question, which costs money.
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
        """Renews the timeout. Reasoning also has a total time limit."""
        if self._has_finish_reason:
            return
        now = asyncio.get_running_loop().time()
        if self._reasoning_deadline is None:
            self._reasoning_deadline = now + settings.OPENAI_THINKING_TIMEOUT
        if now >= self._reasoning_deadline:
            raise ModelUnavailable(ModelProblem.TIMEOUT, cause="thinking")
        self.renew(min(settings.OPENAI_TOKEN_TIMEOUT, self._reasoning_deadline - now))

    def on_finish_reason(self) -> None:
        """Shortens the timeout: the text is complete, and only the usage may follow, which not every server sends."""
        self._has_finish_reason = True
        self.renew(min(END_TIMEOUT, settings.OPENAI_TOKEN_TIMEOUT))


class RemoteModel(ABC):
    """A model on an OpenAI-compatible server. Each subclass implements one transport."""

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
        """Sends one request and yields the parts of the answer."""
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
        """Removes the parts of the request that the server has rejected; returns whether to send it again."""
        rejected = failure.rejected
        if turns[0].role != "system":
            rejected -= {Part.SYSTEM_ROLE}
        if not settings.ASSISTANT_MAX_ANSWER_TOKENS:
            rejected -= {Part.LENGTH_LIMIT, Part.ANY_LENGTH_LIMIT}
        adapted = self._format.without(rejected)
        if adapted is None:
            return False
        self._format = adapted
        # If this conversation is too long, the next conversation may still fit with the earlier format.
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
        """Loads the client. The first call takes long, so it is made before the timeouts of an answer start."""

    @abstractmethod
    def _ask(self, turns: Sequence[Turn], idle_timeout: AnswerTimeout) -> AsyncGenerator[AnswerPart, None]:
        """Sends one request; yields the text as it arrives, then a Finish, whose reason is empty if none was sent.

        Implementations wrap every await on the server in `with idle_timeout`, and call `idle_timeout.on_finish_reason`
        at the end of the text.
        """


def _failure_of(finish: Finish, *, has_text: bool) -> ModelUnavailable | None:
    """Returns the failure that a finish reason means; None if the answer is complete or was only cut short."""
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
