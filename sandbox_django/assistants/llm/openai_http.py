"""The "direct" transport: plain HTTP, which takes a fraction of langchain's CPU time (docs/performance.md)."""

import asyncio
import json
import urllib.request
from collections.abc import AsyncGenerator, Sequence

import aiohttp
from django.conf import settings

from assistants.llm.base import AnswerPart, Finish, Reasoning, Turn, Usage
from assistants.llm.client import AnswerTimeout, RemoteModel
from assistants.llm.errors import ModelProblem, ModelUnavailable
from assistants.llm.loop_clients import LoopClients
from assistants.llm.rejections import rejection
from assistants.llm.sse_parser import AnswerParser
from live.flush_clock import current_flush_clock

MAX_ERROR_SIZE = 64 * 1024  # bytes; the rest of a larger error body isn't read


class DirectReader(RemoteModel):
    """Sends requests with aiohttp, and parses the event stream with AnswerParser."""

    async def prepare(self) -> None:
        await clients.get()

    async def _ask(self, turns: Sequence[Turn], idle_timeout: AnswerTimeout) -> AsyncGenerator[AnswerPart, None]:
        session = await clients.get()
        parser, clock = AnswerParser(), current_flush_clock()
        reason = ""
        usage: Usage | None = None
        response: aiohttp.ClientResponse | None = None
        try:
            with idle_timeout:
                response = await self._post(session, turns)
                if response.status >= 400:
                    raise rejection(response.status, await _body_of(response))
            read = response.content.readany
            is_open = True
            while is_open and not parser.is_done:
                with idle_timeout:
                    data = await read()
                is_open = bool(data)
                reasoning_size = parser.reasoning_size
                text = parser.feed(data) if data else parser.close()
                if not reason and (reason := parser.end_reason):
                    idle_timeout.on_finish_reason()
                if text or parser.reasoning_size > reasoning_size:
                    yield text or Reasoning(parser.reasoning_size - reasoning_size)
                    # Text is sent to pages only at the clock's ticks, so reading more often would be wasted work.
                    await clock.next()
                if parser.error:
                    raise rejection(None, parser.error)
                if parser.is_invalid:
                    break
            if parser.is_invalid or not (parser.events or parser.is_done):
                raise ModelUnavailable(ModelProblem.BAD_REPLY, cause="no event stream")
            usage = Usage(*counts) if (counts := parser.counts) else None
            await _read_to_end(response)
        except TimeoutError as error:
            if not reason:
                raise ModelUnavailable(ModelProblem.TIMEOUT, cause=type(error).__name__) from None
        except aiohttp.ClientError as error:
            if not reason:
                problem = ModelProblem.CUT_OFF if parser.events else ModelProblem.UNREACHABLE
                raise ModelUnavailable(problem, cause=type(error).__name__) from None
        finally:
            if response is not None:
                response.close()  # aborts a body that is still arriving; after a complete body, the connection is kept
        yield Finish(reason, usage)

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


async def _body_of(response: aiohttp.ClientResponse) -> object:
    """Returns the body of an error response as parsed JSON, or as text if it isn't JSON."""
    try:
        body = await response.content.readexactly(MAX_ERROR_SIZE)
    except asyncio.IncompleteReadError as error:
        body = error.partial
    try:
        return json.loads(body)
    except ValueError:
        return body.decode(errors="replace")


async def _read_to_end(response: aiohttp.ClientResponse) -> None:
    """Reads the rest of the HTTP body after the end of the answer, so that the connection can be reused."""
    try:
        async with asyncio.timeout(0.1):
            await response.content.readany()
    except (TimeoutError, aiohttp.ClientError):
        pass  # the answer is complete


def _open_client() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        # No limit: with aiohttp's default of 100 connections, an answer would have to wait for another to end.
        connector=aiohttp.TCPConnector(limit=0),
        # Only with a proxy: it makes aiohttp read the environment and .netrc for every request, as slow as ten tokens.
        trust_env=bool(urllib.request.getproxies()),
    )


clients = LoopClients(_open_client)
