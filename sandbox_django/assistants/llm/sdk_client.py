"""An HTTP client for the OpenAI SDK that rewrites answers into event streams that the SDK reads correctly.

The SDK loses a last event without a blank line, drops reasoning, and reads an answer that isn't streamed as empty. So
every answer is parsed with the parser of `openai_http.py`, and encoded again as a plain event stream. Both transports
then have the same result.

Importing this module loads the SDK (see `openai_sdk.py`).
"""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import openai

from assistants.llm.sse_parser import AnswerParser

MAX_ERROR_SIZE = 64 * 1024  # bytes; the rest of a larger error body isn't read


class NormalizingClient(openai.DefaultAsyncHttpxClient):
    """An HTTP client that rewrites the answers of OpenAI-compatible servers as plain event streams."""

    async def send(self, request: httpx2.Request, *, stream: bool = False, **options: Any) -> httpx2.Response:
        response = await super().send(request, stream=True, **options)
        body = NormalizedBody(response) if response.is_success else BoundedBody(response)
        headers = {"content-type": response.headers.get("content-type", "")}
        if "retry-after" in response.headers:
            headers["retry-after"] = response.headers["retry-after"]
        normalized = httpx2.Response(
            response.status_code,
            headers=headers,
            stream=body,
            request=request,
            extensions=response.extensions,
            history=response.history,
        )
        if not stream:
            await normalized.aread()
        return normalized


class BoundedBody(httpx2.AsyncByteStream):
    """Passes on at most MAX_ERROR_SIZE bytes of an error body."""

    def __init__(self, response: httpx2.Response) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = MAX_ERROR_SIZE
        async for data in self._response.aiter_bytes():
            yield data[:left]
            left -= len(data)
            if left <= 0:
                return

    async def aclose(self) -> None:
        await self._response.aclose()


class NormalizedBody(httpx2.AsyncByteStream):
    """Parses an answer's body and encodes it again as a plain event stream."""

    def __init__(self, response: httpx2.Response) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        parser = AnswerParser()
        body = self._response.aiter_bytes()
        is_open = True
        while is_open and not (parser.is_done or parser.error or parser.is_invalid):
            reasoning_size = parser.reasoning_size
            data = await anext(body, None)
            is_open = data is not None
            text = parser.close() if data is None else parser.feed(data)
            if text:
                yield _event(_chunk({"content": text}))
            elif parser.reasoning_size > reasoning_size:
                yield _event(_reasoning(parser.reasoning_size - reasoning_size))
            if parser.end_reason:
                # Sent immediately, because a server may keep the connection open after the end of the answer.
                yield _event(_chunk({"content": ""}, finish_reason=parser.end_reason))
        if is_open and parser.is_done:
            # The SDK stops reading here, but the connection can be reused only after the body was read to its end.
            await _read_to_end(body)
        for event in _end(parser):
            yield event

    async def aclose(self) -> None:
        await self._response.aclose()


async def _read_to_end(body: AsyncIterator[bytes]) -> None:
    try:
        async with asyncio.timeout(0.1):
            async for _ in body:
                pass
    except (TimeoutError, httpx2.HTTPError):
        pass  # the answer is complete


def _end(parser: AnswerParser) -> list[bytes]:
    if parser.error:
        return [_event({"error": parser.error})]
    if parser.is_invalid or not (parser.events or parser.is_done):
        return [b"data: no answer\n\n"]  # the SDK also rejects this
    events = [_event(_chunk({"content": ""}, finish_reason=parser.end_reason or None))]
    if counts := parser.counts:
        usage = {"prompt_tokens": counts[0], "completion_tokens": counts[1], "total_tokens": sum(counts)}
        events.append(_event({"choices": [], "usage": usage}))
    return events


def _chunk(delta: dict[str, Any], *, finish_reason: str | None = None) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}]}


def _reasoning(size: int) -> dict[str, Any]:
    """Returns a chunk with the bytes of reasoning in `reasoning_tokens`, the only such field that the SDK passes on."""
    usage = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
    return {"choices": [], "usage": usage | {"completion_tokens_details": {"reasoning_tokens": size}}}


def _event(data: dict[str, Any]) -> bytes:
    return f"data: {json.dumps(data)}\n\n".encode()
