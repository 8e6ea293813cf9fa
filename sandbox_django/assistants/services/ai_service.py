"""The only file that knows which language model answers.

model = ai_service.get_chat_model()  # through the module, so that a test can put a scripted model in its place
async with aclosing(model.stream(turns)) as pieces:
    async for piece in pieces:
        if isinstance(piece, Usage): ...  # after the text, where the model counts its tokens
        if isinstance(piece, CutShort): ...  # the last piece of an answer that has no end
        else: ...  # text, never empty
"""

import asyncio
import json
import os
import random
import threading
import urllib.request
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Literal, Protocol

import aiohttp
import structlog
from django.conf import settings

from assistants.services.answer_parser import MAX_COUNT, AnswerParser
from assistants.services.answer_text import AnswerText
from assistants.services.demo_model import demo_answer
from assistants.services.flush_clock import current_flush_clock
from assistants.services.inactivity_timeout import InactivityTimeout
from assistants.services.loop_clients import LoopClients
from assistants.services.rejections import KnownFormats, Part, RequestFormat, read_rejection
from runtime import jobs

if TYPE_CHECKING:
    # See OpenAIService for why these two are imported late.
    import httpx2
    from langchain_openai import ChatOpenAI

logger = structlog.get_logger(__name__)

OPENAI_URL = "https://api.openai.com/v1"
# Servers without keys (Ollama, vLLM) ignore what they get; the clients insist on sending something.
NO_KEY = "none"

RETRIES = 2
FIRST_BACKOFF = 0.5  # seconds; doubles, and half of it is left to chance

DEMO_PAUSE = 0.03  # seconds between two pieces: about as fast as a good model

END_TIMEOUT = 2.0  # seconds between the end of the text and the end of the stream
KNOWN_FORMATS = 100  # servers and models whose formats are remembered

LONGEST_REFUSAL = 64 * 1024  # bytes of an error we are ready to read


@dataclass(frozen=True, slots=True)
class Turn:
    """One thing that was said, as the model is told it."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class Usage:
    """What an answer cost, in tokens."""

    input_tokens: int
    output_tokens: int

    def storable(self) -> "Usage":
        """Returns the nearest counts that the database can store."""
        return Usage(*(min(max(count, 0), MAX_COUNT) for count in (self.input_tokens, self.output_tokens)))


@dataclass(frozen=True, slots=True)
class CutShort:
    """The model stopped in mid-answer because it is allowed no more at once."""


AnswerPart = str | Usage | CutShort


class ModelProblem(StrEnum):
    """Why there is no answer, or not all of it. The value is stored, and sent to pages and programs: keep it stable."""

    AUTH = "model_auth"
    QUOTA = "model_quota"
    NOT_FOUND = "model_not_found"
    RATE_LIMITED = "model_rate_limited"
    OVERLOADED = "model_overloaded"
    UNREACHABLE = "model_unreachable"
    TIMEOUT = "model_timeout"
    CUT_OFF = "model_cut_off"
    EMPTY = "model_empty"
    BAD_REPLY = "model_bad_reply"
    REFUSED = "model_refused"
    CONTENT_FILTERED = "content_filtered"
    CONTEXT_TOO_LONG = "context_too_long"

    @property
    def message(self) -> str:
        """What happened and what to do, for the person who asked."""
        return MESSAGES[self]


MESSAGES = {
    ModelProblem.AUTH: "The assistant isn't set up correctly. Please tell an administrator (model_auth).",
    ModelProblem.QUOTA: "The assistant's usage limit has been reached. Please tell an administrator (model_quota).",
    ModelProblem.NOT_FOUND: "The assistant isn't set up correctly. Please tell an administrator (model_not_found).",
    ModelProblem.RATE_LIMITED: "The model is receiving too many requests. Try again in a minute.",
    ModelProblem.OVERLOADED: "The model is overloaded. Try again in a minute.",
    ModelProblem.UNREACHABLE: "The model can't be reached. Try again in a minute.",
    ModelProblem.TIMEOUT: "The model took too long. Try again.",
    ModelProblem.CUT_OFF: "The connection was lost before the answer finished. Try again.",
    ModelProblem.EMPTY: "The model returned an empty answer. Try again, or rephrase your question.",
    ModelProblem.BAD_REPLY: "The model returned an unreadable reply. Try again. If it happens again, tell an "
    "administrator (model_bad_reply).",
    ModelProblem.REFUSED: "The model rejected this question. Try rephrasing it.",
    ModelProblem.CONTENT_FILTERED: "The model's content filter stopped this answer. Try rephrasing your question.",
    ModelProblem.CONTEXT_TOO_LONG: "This conversation is too long for the model. Start a new one, or ask a shorter "
    "question.",
}

# Those that a second try may well get past.
TRANSIENT = {
    ModelProblem.RATE_LIMITED,
    ModelProblem.OVERLOADED,
    ModelProblem.UNREACHABLE,
    ModelProblem.TIMEOUT,
    ModelProblem.CUT_OFF,
}


class ModelUnavailable(Exception):
    """The provider refused, timed out or broke off. `code` is ours, stable, and safe to show, and so are `message`.

    `cause` is for our log: the kind of error and its status. Never the provider's own text, which may quote keys,
    addresses and the conversation; hence also `raise … from None` wherever this is raised.
    """

    def __init__(self, code: ModelProblem, *, cause: str = "", rejected: frozenset[Part] = frozenset()) -> None:
        super().__init__(code.value)
        self.code = code
        self.message = code.message
        self.cause = cause
        self.rejected = rejected  # the parts of the request that the server does not accept


class ChatModel(Protocol):
    """Whoever answers."""

    @property
    def name(self) -> str: ...

    @property
    def reasoning_size(self) -> int:
        """Bytes of reasoning that the model has sent: it costs tokens, and is no part of an answer or a title."""

    def stream(self, turns: Sequence[Turn]) -> AsyncGenerator[AnswerPart, None]:
        """Yield the answer in pieces of text, then its Usage if the model tells; or raise ModelUnavailable.

        Closing the generator, or cancelling the task that waits for it, ends the request to the model at once.
        """


def get_chat_model(name: str = "") -> ChatModel:
    """The model of this name where the settings allow it, otherwise the site's own."""
    if demo_model_answers():
        return DemoModel()
    name = name if name in settings.ASSISTANT_MODELS else settings.OPENAI_MODEL
    return DirectReader(name) if settings.OPENAI_TRANSPORT == "direct" else OpenAIService(name)


def demo_model_answers() -> bool:
    """Whether the answers are a script, because nobody has connected a model. Pages say so."""
    connected = bool(settings.OPENAI_API_KEY or settings.OPENAI_BASE_URL)
    return settings.ASSISTANT_DEMO_MODEL and not connected


@dataclass(slots=True)
class Completion:
    """A short answer that is read when it is complete, with its cost. Filled while it arrives."""

    text: str = ""
    is_complete: bool = False
    usage: Usage | None = None
    reasoning_size: int = 0

    async def fill(self, turns: Sequence[Turn], *, at_most: int) -> None:
        """Asks the site's model. It is stopped after `at_most` characters, which are no answer of the asked length."""
        model = get_chat_model()
        try:
            async with aclosing(model.stream(turns)) as chunks:
                async for chunk in chunks:
                    if isinstance(chunk, Usage):
                        self.usage = chunk.storable()
                    elif isinstance(chunk, str):
                        self.text += chunk
                    if len(self.text) > at_most:
                        return
            self.is_complete = True
        finally:
            self.reasoning_size = model.reasoning_size


async def warm_up() -> None:
    """Load what the first answer would otherwise wait for. To be called in the background of the server's start."""
    model = get_chat_model()
    if isinstance(model, RemoteModel):
        await model.prepare()


@jobs.on_loop_close
async def close_clients() -> None:
    """Close this event loop's connections to the model, at its end."""
    await _sdk_clients.close()
    await _direct_clients.close()


# --- Asking a server -------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Finish:
    """The end of an answer: its reason, and its cost."""

    _idle_timeout: InactivityTimeout
    reason: str = ""
    usage: Usage | None = None

    def set_reason(self, reason: str) -> None:
        """The text is complete. Only the usage is missing, and not every server sends it."""
        if reason and not self.reason:
            self.reason = reason
            self._idle_timeout.renew(min(END_TIMEOUT, settings.OPENAI_TOKEN_TIMEOUT))

    def check(self, *, has_text: bool) -> None:
        """Raises ModelUnavailable unless the answer came to an end."""
        if not self.reason:
            raise ModelUnavailable(ModelProblem.CUT_OFF, cause="no finish reason")
        reason = self.reason.lower()
        if reason in FILTERED:
            raise ModelUnavailable(ModelProblem.CONTENT_FILTERED, cause="finish reason")
        if reason in BROKEN:
            raise ModelUnavailable(ModelProblem.OVERLOADED, cause="finish reason")
        if not has_text:
            raise ModelUnavailable(ModelProblem.EMPTY)

    @property
    def is_cut_short(self) -> bool:
        return self.reason.lower() in CUT_SHORT


# The reasons that servers give for the end of an answer. All others are proper ends.
CUT_SHORT = {"length", "max_tokens", "max_output_tokens", "max_completion_tokens", "model_length"}
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


@dataclass(frozen=True, slots=True)
class Reasoning:
    """Reasoning that a server has sent; only its size is kept."""

    size: int  # bytes


class Attempt:
    """One request. Everything that the server sends renews the time-out, but it may think only for so long."""

    def __init__(self, idle_timeout: InactivityTimeout) -> None:
        self._idle_timeout = idle_timeout
        self._reasoning_deadline: float | None = None
        self.has_started = False

    def on_activity(self, *, is_text: bool) -> None:
        if is_text:
            self._idle_timeout.renew(settings.OPENAI_TOKEN_TIMEOUT)
            return
        now = asyncio.get_running_loop().time()
        if self._reasoning_deadline is None:
            self._reasoning_deadline = now + settings.OPENAI_THINKING_TIMEOUT
        if now >= self._reasoning_deadline:
            raise ModelUnavailable(ModelProblem.TIMEOUT, cause="thinking")
        self._idle_timeout.renew(min(settings.OPENAI_TOKEN_TIMEOUT, self._reasoning_deadline - now))


class RemoteModel(ABC):
    """What both ways of asking an OpenAI-compatible server share: time-outs, second tries and clean text."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._url: str = (settings.OPENAI_BASE_URL.strip() or OPENAI_URL).rstrip("/")
        self._key: str = settings.OPENAI_API_KEY.strip() or NO_KEY
        self._organization: str = settings.OPENAI_ORG.strip()
        self._format = _known_formats.get(self._url, name) or _first_format(self._url)
        self._is_new_format = False
        self.reasoning_size = 0

    async def stream(self, turns: Sequence[Turn]) -> AsyncGenerator[AnswerPart, None]:
        await self.prepare()
        # One patience for all tries: nobody waits longer for a first word because we asked twice. So a server that
        # keeps silent is asked once; it may be at work on the question, and somebody pays for that.
        idle_timeout = InactivityTimeout(settings.OPENAI_FIRST_TOKEN_TIMEOUT)
        failures = 0
        try:
            while True:
                attempt = Attempt(idle_timeout)
                try:
                    async with aclosing(self._attempt(turns, idle_timeout, attempt)) as parts:
                        async for part in parts:
                            yield part
                    return
                except ModelUnavailable as failure:
                    if attempt.has_started:
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

    async def _attempt(
        self, turns: Sequence[Turn], idle_timeout: InactivityTimeout, attempt: Attempt
    ) -> AsyncGenerator[AnswerPart, None]:
        """Asks once, and yields the parts of the answer."""
        answer, finish, has_text = AnswerText(), Finish(idle_timeout), False
        try:
            async with aclosing(self._ask(turns, idle_timeout, finish)) as chunks:
                async for chunk in chunks:
                    attempt.has_started = True
                    self._keep_format()
                    text = ""
                    if isinstance(chunk, Reasoning):
                        self.reasoning_size += chunk.size
                    elif text := answer.feed(chunk):
                        has_text = True
                        yield text
                    if not finish.reason:
                        attempt.on_activity(is_text=bool(text))
        except ModelUnavailable:
            if text := answer.close():
                yield text
            raise
        finally:
            self.reasoning_size += answer.reasoning_size
        if text := answer.close():
            has_text = True
            yield text
        if finish.usage:
            yield finish.usage
        finish.check(has_text=has_text)
        if finish.is_cut_short:
            yield CutShort()

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
        # A conversation that is too long for a limit says nothing about the next one.
        self._is_new_format = failure.code is not ModelProblem.CONTEXT_TOO_LONG
        logger.info("model_request_adapted", model=self.name, rejected=sorted(rejected))
        return True

    def _keep_format(self) -> None:
        if self._is_new_format:
            self._is_new_format = False
            _known_formats.remember(self._url, self.name, self._format)

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
        """Have ready what asking takes. It only takes time once, and the model is not to blame for that."""

    @abstractmethod
    def _ask(
        self, turns: Sequence[Turn], idle_timeout: InactivityTimeout, finish: Finish
    ) -> AsyncGenerator[str | Reasoning, None]:
        """Ask once, and yield the text as it comes. Every await on the server is made `with idle_timeout`."""


class OpenAIService(RemoteModel):
    """Asks through langchain-openai, the reference.

    Importing that takes 1.6 seconds and 91 MB, for which no page, command or test should wait that asks nobody. So
    this is the one place with imports inside functions. They find it loaded: `prepare` has had it done in a thread.
    """

    async def prepare(self) -> None:
        if not _sdk_is_loaded.is_set():
            await asyncio.to_thread(_load_sdk)
        await _sdk_clients.get()

    async def _ask(
        self, turns: Sequence[Turn], idle_timeout: InactivityTimeout, finish: Finish
    ) -> AsyncGenerator[str | Reasoning, None]:
        import openai

        chat = await self._chat()
        chunks = chat.astream(self._messages(turns))
        started = False
        try:
            async with aclosing(chunks):  # type: ignore[type-var]  # it is a generator, declared as an iterator
                while True:
                    with idle_timeout:
                        chunk = await anext(chunks, None)
                    if chunk is None:
                        return
                    started = True
                    if usage := chunk.usage_metadata:
                        if not usage["total_tokens"] and (details := usage.get("output_token_details")):
                            yield Reasoning(details.get("reasoning", 0))  # see NormalizedBody
                        else:
                            finish.usage = Usage(usage["input_tokens"], usage["output_tokens"])
                    finish.set_reason(chunk.response_metadata.get("finish_reason", ""))
                    if text := str(chunk.text):
                        yield text
        except (TimeoutError, openai.APITimeoutError) as error:
            if finish.reason:
                return
            raise ModelUnavailable(ModelProblem.TIMEOUT, cause=type(error).__name__) from None
        except openai.APIConnectionError as error:
            if finish.reason:
                return
            problem = ModelProblem.CUT_OFF if started else ModelProblem.UNREACHABLE
            raise ModelUnavailable(problem, cause=type(error).__name__) from None
        except openai.APIStatusError as error:
            raise _rejection(error.status_code, error.body) from None
        except openai.APIError as error:
            raise _rejection(None, error.body) from None
        # Nothing in there looks whether a reply has the shape it should, so one that hasn't ends as any of these.
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            raise ModelUnavailable(ModelProblem.BAD_REPLY, cause=type(error).__name__) from None

    async def _chat(self) -> "ChatOpenAI":
        import openai
        from langchain_openai import ChatOpenAI

        return ChatOpenAI(
            model_name=self.name,
            # A coroutine function, because then no synchronous client is made: that took 30 ms for each answer.
            openai_api_key=self._current_key,
            openai_api_base=self._url,
            openai_organization=self._organization or None,
            http_async_client=await _sdk_clients.get(),
            openai_proxy=None,
            use_responses_api=False,  # compatible servers don't have it
            stream_usage=self._format.stream_options,
            extra_body=self._token_limit() or None,
            # Time-outs and second tries are RemoteModel's business, all but this one.
            request_timeout=openai.Timeout(None, connect=settings.OPENAI_CONNECT_TIMEOUT),
            max_retries=0,
            stream_chunk_timeout=None,
        )

    async def _current_key(self) -> str:
        return self._key


class DirectReader(RemoteModel):
    """Asks by HTTP, with a fraction of langchain's work per token (docs/performance.md)."""

    async def prepare(self) -> None:
        await _direct_clients.get()

    async def _ask(
        self, turns: Sequence[Turn], idle_timeout: InactivityTimeout, finish: Finish
    ) -> AsyncGenerator[str | Reasoning, None]:
        session = await _direct_clients.get()
        parser, clock = AnswerParser(), current_flush_clock()
        response: aiohttp.ClientResponse | None = None
        try:
            with idle_timeout:
                response = await self._post(session, turns)
                if response.status >= 400:
                    raise _rejection(response.status, await _body_of(response))
            read = response.content.readany
            is_open = True
            while is_open and not parser.is_done:
                with idle_timeout:
                    data = await read()
                is_open = bool(data)
                reasoning_size = parser.reasoning_size
                text = parser.feed(data) if data else parser.close()
                finish.set_reason(parser.end_reason)
                if text or parser.reasoning_size > reasoning_size:
                    yield text or Reasoning(parser.reasoning_size - reasoning_size)
                    # Pages hear of it no more often, so to wake up for each token would be work for nothing.
                    await clock.next()
                if parser.error:
                    raise _rejection(None, parser.error)
                if parser.is_invalid:
                    break
            if parser.is_invalid or not (parser.events or parser.is_done):
                raise ModelUnavailable(ModelProblem.BAD_REPLY, cause="no event stream")
            finish.usage = Usage(*counts) if (counts := parser.counts) else None
            await _read_to_end(response)
        except TimeoutError as error:
            if finish.reason:
                return
            raise ModelUnavailable(ModelProblem.TIMEOUT, cause=type(error).__name__) from None
        except aiohttp.ClientError as error:
            if finish.reason:
                return
            problem = ModelProblem.CUT_OFF if parser.events else ModelProblem.UNREACHABLE
            raise ModelUnavailable(problem, cause=type(error).__name__) from None
        finally:
            if response is not None:
                response.close()  # ends what is still coming; a connection read to its end lives on

    async def _post(self, session: aiohttp.ClientSession, turns: Sequence[Turn]) -> aiohttp.ClientResponse:
        headers = {"Authorization": f"Bearer {self._key}"}
        if self._organization:
            headers["OpenAI-Organization"] = self._organization
        return await session.post(
            f"{self._url}/chat/completions",
            headers=headers,
            json={
                "model": self.name,
                "messages": self._messages(turns),
                "stream": True,
                **({"stream_options": {"include_usage": True}} if self._format.stream_options else {}),
                **self._token_limit(),
            },
            timeout=aiohttp.ClientTimeout(total=None, connect=settings.OPENAI_CONNECT_TIMEOUT),
        )


class DemoModel:
    """Answers with a script that says it is one, and how to connect a model, at a model's pace."""

    name = "demo"
    reasoning_size = 0

    def __init__(self, *, pause: float = DEMO_PAUSE) -> None:
        self._pause = pause

    async def stream(self, turns: Sequence[Turn]) -> AsyncGenerator[str | Usage, None]:
        question = next((turn.content for turn in reversed(turns) if turn.role == "user"), "")
        for chunk in demo_answer(question):
            await asyncio.sleep(self._pause)
            yield chunk


# --- What they are made of -------------------------------------------------------------------------------------------


BY_STATUS = {
    401: ModelProblem.AUTH,
    402: ModelProblem.QUOTA,
    403: ModelProblem.AUTH,
    404: ModelProblem.NOT_FOUND,
    408: ModelProblem.TIMEOUT,
    413: ModelProblem.CONTEXT_TOO_LONG,
    429: ModelProblem.RATE_LIMITED,
}
# What servers put under "code" or "type". It says more than the status, which is mostly 400.
BY_CODE = {
    "content_filter": ModelProblem.CONTENT_FILTERED,
    "content_policy_violation": ModelProblem.CONTENT_FILTERED,
    "context_length_exceeded": ModelProblem.CONTEXT_TOO_LONG,
    "exceed_context_size_error": ModelProblem.CONTEXT_TOO_LONG,
    "insufficient_quota": ModelProblem.QUOTA,
    "model_not_found": ModelProblem.NOT_FOUND,
    "rate_limit_exceeded": ModelProblem.RATE_LIMITED,
    "rate_limit_error": ModelProblem.RATE_LIMITED,
    "insufficient_balance": ModelProblem.QUOTA,
    "billing_error": ModelProblem.QUOTA,
    "invalid_api_key": ModelProblem.AUTH,
    "authentication_error": ModelProblem.AUTH,
    "permission_error": ModelProblem.AUTH,
    "not_found_error": ModelProblem.NOT_FOUND,
    "overloaded_error": ModelProblem.OVERLOADED,
    "request_too_large": ModelProblem.CONTEXT_TOO_LONG,
    "string_above_max_length": ModelProblem.CONTEXT_TOO_LONG,
}
# No other request to this server would fare better.
NOT_ABOUT_THE_FORMAT = {
    ModelProblem.AUTH,
    ModelProblem.QUOTA,
    ModelProblem.RATE_LIMITED,
    ModelProblem.CONTENT_FILTERED,
}


def _rejection(status: int | None, body: object) -> ModelUnavailable:
    """What it means that a server refused with this status (None: in mid-answer), and said this about it."""
    if isinstance(body, list) and body:
        body = body[0]
    body = body.get("error", body) if isinstance(body, dict) else body
    code, kind = (str(body.get(key) or "") for key in ("code", "type")) if isinstance(body, dict) else ("", "")
    if status is None and code.isdecimal() and len(code) == 3:
        status = int(code)
    rejection = read_rejection(body)
    if not (problem := BY_CODE.get(code) or BY_CODE.get(kind)):
        if rejection.is_too_long and status not in {401, 403, 404, 429}:
            problem = ModelProblem.CONTEXT_TOO_LONG
        elif status is None and kind == "invalid_request_error":
            problem = ModelProblem.REFUSED
        elif status is None or status >= 500:
            problem = ModelProblem.OVERLOADED
        else:
            problem = BY_STATUS.get(status, ModelProblem.REFUSED)
    rejected = frozenset() if problem in NOT_ABOUT_THE_FORMAT else rejection.parts
    return ModelUnavailable(problem, cause=f"HTTP {status}" if status else "error event", rejected=rejected)


async def _body_of(response: aiohttp.ClientResponse) -> object:
    """Returns the JSON of a refusal, or its text."""
    try:
        body = await response.content.readexactly(LONGEST_REFUSAL)
    except asyncio.IncompleteReadError as error:
        body = error.partial
    try:
        return json.loads(body)
    except ValueError:
        return body.decode(errors="replace")


async def _read_to_end(response: aiohttp.ClientResponse) -> None:
    """Take the end of the HTTP body, which follows the end of the answer, so that the connection can be used again."""
    try:
        async with asyncio.timeout(0.1):
            await response.content.readany()
    except (TimeoutError, aiohttp.ClientError):
        pass  # we have the answer


_sdk_is_loaded = threading.Event()


def _load_sdk() -> None:
    # LangSmith would be sent every conversation. The second name is looked up first, and has older synonyms.
    os.environ |= {"LANGSMITH_TRACING": "false", "LANGSMITH_TRACING_V2": "false"}
    from langchain_openai import ChatOpenAI

    # For its side effect: a good part of the SDK is imported when it is first used.
    ChatOpenAI(model_name="unused", openai_api_key=lambda: NO_KEY, openai_api_base=OPENAI_URL)
    _sdk_is_loaded.set()


def _open_sdk_client() -> "httpx2.AsyncClient":
    from assistants.services.sdk_client import NormalizingClient

    return NormalizingClient()


def _open_direct_client() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        # No limit: an answer beyond aiohttp's hundred connections would wait for another answer to end.
        connector=aiohttp.TCPConnector(limit=0),
        # Looks into the environment and .netrc for every request, which takes as long as ten tokens.
        trust_env=bool(urllib.request.getproxies()),
    )


def _first_format(url: str) -> RequestFormat:
    # OpenAI's newer models only know the newer name, and most compatible servers the older one.
    if url == OPENAI_URL:
        return RequestFormat(("max_completion_tokens", "max_tokens"))
    return RequestFormat(("max_tokens", "max_completion_tokens"))


_known_formats = KnownFormats(KNOWN_FORMATS)
_sdk_clients = LoopClients(_open_sdk_client)
_direct_clients = LoopClients(_open_direct_client)
