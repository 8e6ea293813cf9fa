"""A model that streams at a steady rate, and fails if the question asks for it. Runs as a process of its own, by
`python -m tests.faults.model`.
"""

import asyncio
import sys

import uvloop
from aiohttp import web

from test_utils.openai_test_utils import SteadyOpenAI

TOKENS = 40
RATE = 8.0  # tokens a second: an answer takes five seconds
TEXT = "".join(f"tok{number} " for number in range(1, TOKENS + 1))

CUT, HANG = "Break off!", "Hang!"


class FailingOpenAI(SteadyOpenAI):
    async def _answer(self, request: web.Request) -> web.StreamResponse:
        question = (await request.json())["messages"][-1]["content"]
        if question not in (CUT, HANG):
            return await super()._answer(request)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        response.enable_chunked_encoding()
        await response.prepare(request)
        await response.write(b'data: {"choices": [{"index": 0, "delta": {"content": "tok1 "}}]}\n\n')
        if question == CUT:
            assert request.transport is not None
            request.transport.close()
        await asyncio.Event().wait()
        return response


async def serve() -> None:
    async with FailingOpenAI(tokens=TOKENS, rate=RATE) as server:
        sys.stdout.write(server.url + "\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve())
