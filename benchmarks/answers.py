"""Measures many answers at the same time: are they complete and exact, how fast are they, and what do they cost?"""

import asyncio
import json
import re
import time
from dataclasses import dataclass, field

from benchmarks.clients import Client, Place
from benchmarks.load import Result, Sizes, Target, each
from benchmarks.process_metrics import spread
from benchmarks.sockets import Socket

STREAMING = b'{"action":"streaming"'
NAMED = "conversation_updated"
ENDS = {"complete_streaming", "assistant_error"}
TOKEN = re.compile(r"(\d+)@(\d{6}) ")  # a token's number, and the time when the model sent it
WARM_UP = 4  # the first answers aren't measured: they load modules and open connections
SETTLE_SECONDS = 1.5  # seconds; a socket checks its feed's head again after one
TIMEOUT = 40.0  # seconds, in addition to what the answers take at the model's rate


@dataclass(slots=True)
class Answer:
    place: Place
    socket: Socket | None = None
    asked_at: float = 0.0
    post_ms: float = 0.0
    over: asyncio.Event = field(default_factory=asyncio.Event)
    # Set when the application has generated a title for the conversation.
    named: asyncio.Event = field(default_factory=asyncio.Event)

    def receive(self, socket: Socket, when: float, frame: bytes) -> None:
        if frame.startswith(STREAMING):
            return
        action = json.loads(frame)["action"]
        if action in ENDS:
            self.over.set()
        elif action == NAMED:
            self.named.set()

    @property
    def frames(self) -> list[tuple[float, bytes]]:
        assert self.socket is not None
        return self.socket.frames


async def measure(target: Target, sizes: Sizes) -> Result:
    metrics = target.metrics()
    timeout_seconds = sizes.spread + sizes.tokens / sizes.rate + TIMEOUT
    async with target.client() as client:
        await ask(client, await prepare(target, client, WARM_UP), over=0, timeout_seconds=timeout_seconds)
        answers = await prepare(target, client, sizes.answers)
        await asyncio.sleep(SETTLE_SECONDS)

        started_at, cpu, commands = time.monotonic(), metrics.cpu(), metrics.redis_commands()
        await ask(client, answers, over=sizes.spread, timeout_seconds=timeout_seconds)
        if not target.is_bare:
            # The application's work after an answer is part of the answer's cost.
            async with asyncio.timeout(TIMEOUT):
                await asyncio.gather(*[answer.named.wait() for answer in answers])
        cpu, commands = metrics.cpu() - cpu, metrics.redis_commands() - commands
        lasted = time.monotonic() - started_at

        result = Result()
        stored = await each([answer.place for answer in answers], client.stored_answer, at_once=10)
        first, lags, tokens, frames = [], [], 0, 0
        complete = 0
        for answer, text in zip(answers, stored, strict=True):
            received = listen_again(answer, sizes.tokens)
            if text is not None and text != received.text:
                received.problems.append("what is stored is not what was heard")
            complete += not received.problems
            result.problems += [f"{answer.place.socket}: {problem}" for problem in received.problems]
            tokens += len(received.lags)
            frames += received.frames
            lags += received.lags
            first += received.first_ms
    per_token = 1 / max(tokens, 1)
    result.figures = {
        "answers complete and exact": [complete],
        "POST, ms": spread([answer.post_ms for answer in answers]),
        "first token, ms": spread(first or [0]),
        "relay lag, ms": spread(lags or [0]),
        "CPU s per 1,000 tokens": [cpu * 1000 * per_token],
        "CPU, % of one core": [cpu / lasted * 100],
        "tokens per frame": [tokens / max(frames, 1)],
        "CPU µs per frame": [cpu * 1e6 / max(frames, 1)],
        "memory, MB": [metrics.memory() / 1024],
    }
    if target.redis_url:
        result.figures["Redis commands per token"] = [commands * per_token]
    return result


async def prepare(target: Target, client: Client, count: int) -> list[Answer]:
    """Creates `count` conversations, and opens a socket for each."""

    async def one(_: int) -> Answer:
        answer = Answer(await client.conversation())
        answer.socket = await Socket.open(target.url, answer.place.socket, answer.receive)
        return answer

    return await each(range(count), one, at_once=20)


async def ask(client: Client, answers: list[Answer], *, over: float, timeout_seconds: float) -> None:
    """Asks all questions, evenly over `over` seconds. Then waits for the answers or the timeout."""
    begin = time.monotonic()

    async def one(number: int, answer: Answer) -> None:
        await asyncio.sleep(begin + number * over / len(answers) - time.monotonic())
        answer.asked_at = time.monotonic()
        await client.ask(answer.place, "What takes how long?")
        answer.post_ms = (time.monotonic() - answer.asked_at) * 1000
        await answer.over.wait()

    tasks = [asyncio.create_task(one(number, answer)) for number, answer in enumerate(answers)]
    _, late = await asyncio.wait(tasks, timeout=timeout_seconds)
    for task in late:
        task.cancel()
    # Errors are ignored here, since listen_again finds the frames that are missing.
    await asyncio.gather(*tasks, return_exceptions=True)


@dataclass(slots=True)
class Received:
    text: str = ""
    frames: int = 0  # the number of frames with text
    lags: list[float] = field(default_factory=list)  # each token's delay in ms
    first_ms: list[float] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def listen_again(answer: Answer, tokens: int) -> Received:
    """Checks the frames that a socket has received, and reports all deviations."""
    received, numbers, ends, seqs = Received(), [], 0, []
    for when, frame in answer.frames:
        message = json.loads(frame)
        payload = message["payload"]
        if "seq" in message:
            seqs.append(message["seq"])
        if message["action"] == "streaming":
            received.frames += 1
            received.first_ms = received.first_ms or [(when - answer.asked_at) * 1000]
            if payload["offset"] != len(received.text) or ends:
                received.problems.append(f"a piece for {payload['offset']} came at {len(received.text)}")
            received.text += payload["content"]
            for number, left_at in TOKEN.findall(payload["content"]):
                numbers.append(int(number))
                received.lags.append((when * 1000 - int(left_at)) % 1_000_000)
        elif message["action"] in ENDS:
            ends += 1
            if payload.get("status") != "complete" or payload["length"] != len(received.text):
                received.problems.append(f"the end says {payload}")
    if ends != 1:
        received.problems.append(f"{ends} ends")
    if numbers != list(range(1, tokens + 1)) or TOKEN.sub("", received.text):
        received.problems.append(f"heard tokens {numbers[:3]} … {numbers[-3:]}, {len(numbers)} of {tokens}")
    if seqs != list(range(1, len(seqs) + 1)):
        received.problems.append(f"heard numbers {seqs}")
    return received
