"""Measures how many requests one message in a room causes, if many open pages behave as in a browser.

Each page opens the sockets of the room and of the room list, handles hints as `room_summaries.js` does, and stores its
read position when `read_marker.js` does. All users look at the room, which is the worst case.
"""

import asyncio
import json
import random
import time
from collections.abc import Coroutine
from typing import Any

from benchmarks.clients import Place, SandboxClient
from benchmarks.load import Result, Sizes, Target, each
from benchmarks.process_metrics import spread
from benchmarks.sockets import Socket

OPENING_AT_ONCE = 50
SETTLE_SECONDS = 3.0  # until presence is sent, and the heads of joined feeds are checked again
SECONDS_BETWEEN = 1.0  # seconds between two messages
# These values are the same as in read_marker.js.
SHORTEST_WAIT, LONGEST_WAIT, PER_READER = 2.0, 60.0, 0.1

MESSAGE = b'{"action":"member_message"'
PRESENCE = b'{"action":"presence"'
HINT = b'{"action":"group_chat_updated"'


class Page:
    """A page of the room in one browser."""

    def __init__(self, client: SandboxClient, place: Place) -> None:
        self._client = client
        self._place = place
        self._known = f'"groupPk":{place.room},'.encode()
        self._readers = 1
        self._seen = self._stored = 0  # ids of the last read message, and of the last that the server knows of
        self._timer: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.arrivals: list[float] = []
        self.requests = 0

    async def open(self, url: str) -> None:
        await Socket.open(url, self._place.socket, self._receive_room, token=self._place.token)
        await Socket.open(url, "/ws/chat/group/", self._receive_list, token=self._place.token)

    async def leave(self) -> None:
        """Stores a read position that hasn't been stored yet, as a page does when the user leaves it."""
        if self._timer is not None:
            self._timer.cancel()
            self._store()
        await asyncio.gather(*self._tasks)

    def _receive_room(self, socket: Socket, when: float, frame: bytes) -> None:
        if frame.startswith(MESSAGE):
            self.arrivals.append(when)
            self._read(json.loads(frame)["payload"]["id"])
        elif frame.startswith(PRESENCE):
            self._readers = json.loads(frame)["payload"]["count"]

    def _receive_list(self, socket: Socket, when: float, frame: bytes) -> None:
        if frame.startswith(HINT) and self._known not in frame:
            self._start(self._fetch_room())  # the list doesn't contain this room

    def _read(self, message_id: int) -> None:
        self._seen = max(self._seen, message_id)
        if self._timer is None:
            wait = min(max(SHORTEST_WAIT, self._readers * PER_READER), LONGEST_WAIT)
            self._timer = asyncio.get_running_loop().call_later(wait * (1 + random.random()), self._store)  # noqa: S311  # no secret

    def _store(self) -> None:
        self._timer = None
        if self._seen > self._stored:
            self._stored = self._seen
            self._start(self._mark_read(self._seen))

    async def _mark_read(self, message_id: int) -> None:
        self.requests += 1
        await self._client.mark_read(self._place, message_id)

    async def _fetch_room(self) -> None:
        self.requests += 1
        await self._client.fetch_room(self._place)

    def _start(self, request: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(request)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def measure(target: Target, sizes: Sizes) -> Result:
    result = Result()
    metrics = target.metrics()
    async with target.client() as client:
        assert isinstance(client, SandboxClient)
        sender, *places = await client.members_of_a_room(sizes.pages + 1)
        pages = [Page(client, place) for place in places]
        await each(pages, lambda page: page.open(target.url), at_once=OPENING_AT_ONCE)
        await asyncio.sleep(SETTLE_SECONDS)

        cpu, sent = metrics.cpu(), []
        for number in range(sizes.messages):
            sent.append(time.monotonic())
            await client.post_message(sender, f"Message {number}")
            await asyncio.sleep(max(0.0, sent[0] + SECONDS_BETWEEN * (number + 1) - time.monotonic()))
        cpu = metrics.cpu() - cpu
        await each(pages, Page.leave, at_once=OPENING_AT_ONCE)
        requests = sum(page.requests for page in pages)
    late = [len(page.arrivals) for page in pages if len(page.arrivals) != len(sent)]
    if late:
        result.problems.append(f"{len(late)} pages have {min(late)} of {len(sent)} messages or more")
    delays = [
        (when - started_at) * 1000 for page in pages for started_at, when in zip(sent, page.arrivals, strict=False)
    ]
    result.figures = {
        "requests per message and page": [requests / len(sent) / len(pages)],
        "requests per message, of all pages": [requests / len(sent)],
        "CPU ms per message": [cpu * 1000 / len(sent)],
        "a page has the message, ms": spread(delays),
    }
    return result
