"""Test doubles of the live core: rooms with notes and streamed texts, pages that follow the socket's contract, and a
channel layer that loses messages.
"""

import asyncio
import json
import uuid
from collections.abc import Callable, Coroutine, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from typing import Any, ClassVar, Literal

from chanx.core.decorators import channel
from chanx.messages.base import BaseMessage
from pydantic import BaseModel
from rest_framework.permissions import AllowAny

from live import feeds
from live.authenticator import LiveAuthenticator
from live.consumer import LiveConsumer
from live.frames import encode
from live.layers import LAYER_DOWN, LayerMessage, MemoryLayer, live_layer
from live.tests.notes import NoteWritten
from live.text_chunk import LatestStream, TextChunk
from runtime.threads import in_database_thread


class GrowthPayload(BaseModel):
    text_id: int
    offset: int
    content: str


class TextGrown(BaseMessage):
    """A chunk of a text."""

    action: Literal["text_grown"] = "text_grown"
    payload: GrowthPayload


class EndPayload(BaseModel):
    text_id: int
    length: int


class TextEnded(BaseMessage):
    """A text has ended and is stored."""

    action: Literal["text_ended"] = "text_ended"
    payload: EndPayload


@dataclass
class Text:
    id: int
    after: int
    content: str = ""
    checkpoint: int = 0  # characters in the row; later characters are only in the buffer
    is_running: bool = True
    end: int | None = None  # the sequence number of the event that ended the text

    def chunk(self, offset: int = 0) -> TextChunk:
        content = self.content[offset:]
        message = TextGrown(payload=GrowthPayload(text_id=self.id, offset=offset, content=content))
        return TextChunk(self.id, self.after, offset, len(content), encode(message))


class Room:
    """Stores the state of a room, and publishes its changes in a feed of the same name."""

    of_name: ClassVar[dict[str, "Room"]] = {}
    _numbers = count(1)

    def __init__(self) -> None:
        self.name = f"room.{uuid.uuid4().hex}"
        self.notes: list[int] = []
        self._seqs: dict[int, int] = {}  # by note
        self.texts: dict[int, Text] = {}
        self.of_name[self.name] = self

    @property
    def running(self) -> Text | None:
        return next((text for text in self.texts.values() if text.is_running), None)

    def write(self, amount: int = 1) -> None:
        for _ in range(amount):
            with feeds.write(self.name) as feed:
                self.note(feed)

    def note(self, feed: feeds.FeedWriter) -> int:
        number = next(self._numbers)
        self.notes.append(number)
        self._seqs[number] = feed.publish(NoteWritten.of(number))
        return self._seqs[number]

    def start_stream(self, *, text_id: int | None = None) -> Text:
        """Stores a note, then begins a text that follows the note's event."""
        with feeds.write(self.name) as feed:
            text = Text(text_id or next(self._numbers), after=self.note(feed))
            self.texts[text.id] = text
        return text

    async def grow(self, content: str) -> None:
        """Appends to the running text, which is in the buffer before it is sent."""
        text = self.running
        assert text is not None
        offset = text.checkpoint = len(text.content)
        text.content += content
        try:
            await live_layer().group_send(self.name, text.chunk(offset).message(self.name))
        except LAYER_DOWN:
            return  # the content is still in the buffer

    def end_stream(self) -> None:
        text = self.running
        assert text is not None
        with feeds.write(self.name) as feed:
            text.is_running, text.checkpoint = False, len(text.content)
            message = TextEnded(payload=EndPayload(text_id=text.id, length=len(text.content)))
            text.end = feed.publish(message, ends_text=(text.id, len(text.content)))

    def truncate_after(self, head: int) -> None:
        """Deletes all notes and texts that were stored after this sequence number."""
        self.notes = [number for number in self.notes if self._seqs[number] <= head]
        self.texts = {text.id: text for text in self.texts.values() if text.after <= head}

    def stored(self) -> "Stored":
        return Stored(
            notes=list(self.notes),
            texts={text.id: text.content[: text.checkpoint] for text in self.texts.values() if text.checkpoint},
            ended={text.id for text in self.texts.values() if not text.is_running},
        )


@dataclass
class Stored:
    """The state of a room, as REST returns it and as a page shows it."""

    notes: list[int] = field(default_factory=list)
    texts: dict[int, str] = field(default_factory=dict)
    ended: set[int] = field(default_factory=set)


class OpenAuthenticator(LiveAuthenticator):
    permission_classes = [AllowAny]


@channel(name="rooms", description="A room of notes and texts", tags=["tests"])
class RoomConsumer(LiveConsumer):
    authenticator_class = OpenAuthenticator
    emits = [NoteWritten, TextGrown, TextEnded]

    @property
    def room(self) -> Room:
        return Room.of_name[self.scope["url_route"]["kwargs"]["name"]]

    def feed(self) -> str:
        return self.room.name

    def latest_stream(self) -> LatestStream | None:
        texts = list(self.room.texts.values())
        return LatestStream(texts[-1].id, is_running=texts[-1].is_running) if texts else None

    def stored_texts(self, text_ids: Sequence[int]) -> Sequence[TextChunk]:
        return [self.room.texts[text_id].chunk() for text_id in text_ids]

    async def running_text(self, text_id: int) -> TextChunk | None:
        return await in_database_thread(self._running_text, text_id)

    def _running_text(self, text_id: int) -> TextChunk | None:
        text = self.room.texts.get(text_id)
        return text.chunk() if text is not None and text.is_running else None


class Socket:
    """The server's side of a connection. Records the sent frames, and simulates whether the browser reads them."""

    consumer: ClassVar[type[RoomConsumer]] = RoomConsumer

    def __init__(self, room: Room, *, since: int | None, reads: bool) -> None:
        self.arrived: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.reads = asyncio.Event()
        if reads:
            self.reads.set()
        self._is_accepted = False
        self.broken: Exception | None = None
        self._to_server: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._to_server.put_nowait({"type": "websocket.connect"})
        scope = {
            "type": "websocket",
            "path": f"/ws/rooms/{room.name}/",
            "headers": [],
            "query_string": b"" if since is None else b"since=%d" % since,
            "url_route": {"args": (), "kwargs": {"name": room.name}},
        }
        self.serving = asyncio.create_task(self._serve(scope))

    async def _serve(self, scope: dict[str, Any]) -> None:
        with suppress(ConnectionResetError):  # as the ASGI server does
            await self.consumer.as_asgi()(scope, self._to_server.get, self._send)

    def leave(self) -> None:
        """Closes the connection without a close frame."""
        self.broken = ConnectionResetError()
        self.reads.set()
        self._to_server.put_nowait({"type": "websocket.disconnect", "code": 1006})

    async def _send(self, message: dict[str, Any]) -> None:
        if self._is_accepted:
            await self.reads.wait()
        self._is_accepted = True
        if self.broken is not None:
            raise self.broken
        self.arrived.put_nowait(message)
        if message["type"] == "websocket.close":
            self._to_server.put_nowait({"type": "websocket.disconnect", "code": message["code"]})


class Page:
    """A page that follows the contract, and raises an error if the server doesn't.

    It stores the sequence number of its newest event, sends it when it opens a socket, drops duplicates, joins chunks
    by their offsets, and fetches again on a resync.
    """

    def __init__(self, room: Room) -> None:
        self.room = room
        self.shown = Stored()
        self.since: int | None = None
        self.closed_with: int | None = None
        self.resyncs = 0
        self._socket: Socket | None = None
        self._listening: asyncio.Task[None] | None = None

    @property
    def is_listening(self) -> bool:
        """Returns whether a socket is open or opening; raises if the server made a mistake."""
        if self._listening is not None and self._listening.done():
            self._listening.result()
            self._listening = None
        return self._listening is not None

    @property
    def has_everything(self) -> bool:
        return self.shown == self.room.stored() and self._is_at_head()

    def _is_at_head(self) -> bool:
        """Returns whether the page has the newest event.

        If pruning removed the feed, every position up to the floor is up to date, because the next event has a sequence
        number above the floor.
        """
        name = self.room.name
        head = feeds.heads([name]).get(name)
        if head is not None:
            return self.since == head
        return self.since is not None and self.since <= feeds.head(name)

    @property
    def text(self) -> str:
        """The displayed part of the newest text."""
        return self.shown.texts.get(max(self.shown.texts, default=0), "")

    def open(self, *, fetch_first: bool = True, reads: bool = True) -> None:
        """Opens a socket.

        The first time, the page either fetches first and opens the socket with the fetched position, or opens the
        socket first and then fetches.
        """
        assert not self.is_listening
        self.closed_with = None
        self._listening = asyncio.create_task(self._listen(fetch_first=fetch_first, reads=reads))

    def leave(self) -> None:
        if self._socket is not None:
            self._socket.leave()
            self._socket = None
        if self.is_listening and self._listening is not None:
            self._listening.cancel()
            self._listening = None

    def break_connection(self, how: Exception) -> None:
        """Breaks the connection. The server notices when it next sends, by the exception `how`."""
        assert self._socket is not None
        assert self._listening is not None
        self._socket.broken = how
        self._listening.cancel()
        self._socket = self._listening = None

    def stop_reading(self) -> None:
        """Stops reading until `resume_reading`."""
        if self._socket is not None:
            self._socket.reads.clear()

    def resume_reading(self) -> None:
        if self._socket is not None:
            self._socket.reads.set()

    async def _fetch(self) -> None:
        # The feed's head is read before the rows, so that an event in between is received twice and not missed.
        since = await in_database_thread(feeds.head, self.room.name)
        self.shown = await in_database_thread(self.room.stored)
        self.since = since

    async def _listen(self, *, fetch_first: bool, reads: bool) -> None:
        if self.since is None and fetch_first:
            await self._fetch()
        socket = self._socket = Socket(self.room, since=self.since, reads=reads)
        expected = 0
        received: dict[int, int] = {}  # received characters on this connection, by text
        while True:
            message = await socket.arrived.get()
            if message["type"] == "websocket.close":
                self.closed_with = message["code"]
                self._socket = None
                return
            if message["type"] != "websocket.send":
                continue
            frame = json.loads(message["text"])
            payload = frame["payload"]
            if "seq" in frame:
                assert frame["seq"] == expected, f"{frame['seq']} came instead of {expected}"
                expected = frame["seq"] + 1
            match frame["action"]:
                case "authentication":
                    assert expected == 0
                    assert payload["statusCode"] == 200, payload
                    expected = (payload["data"]["seq"] if self.since is None else self.since) + 1
                    if self.since is None:
                        await self._fetch()
                case "resync":
                    self.resyncs += 1
                    expected = payload["seq"] + 1
                    received = {}
                    await self._fetch()
                case "note_written":
                    self._show_note(frame["seq"], payload["number"])
                case "text_grown":
                    text_id, offset, content = payload["textId"], payload["offset"], payload["content"]
                    end = self.room.texts[text_id].end
                    assert end is None or end >= expected, "something comes after the end"
                    assert offset == received.get(text_id, 0), (
                        f"text goes on at {offset}, not {received.get(text_id, 0)}"
                    )
                    assert content, "nothing was said"
                    received[text_id] = offset + len(content)
                    self._show_text(text_id, offset, content)
                case "text_ended":
                    text_id = payload["textId"]
                    assert received.get(text_id, 0) == payload["length"], "the end came before the text"
                    self._show_end(frame["seq"], text_id)

    def _show_note(self, seq: int, number: int) -> None:
        assert self.since is not None
        if seq > self.since:
            self.since = seq
            if number not in self.shown.notes:  # the fetched rows may be newer than the fetched head
                self.shown.notes.append(number)

    def _show_text(self, text_id: int, offset: int, content: str) -> None:
        if text_id in self.shown.ended:
            return
        shown = self.shown.texts.get(text_id, "")
        assert offset <= len(shown), "a piece is missing"
        common = shown[offset:][: len(content)]
        assert content.startswith(common), "the same place says two things"
        self.shown.texts[text_id] = shown + content[len(common) :]

    def _show_end(self, seq: int, text_id: int) -> None:
        assert self.since is not None
        if seq > self.since:
            self.since = seq
            self.shown.ended.add(text_id)


@dataclass(frozen=True)
class Delivery:
    """Defines that a message arrives once after each of these delays (in seconds), or that the layer is down."""

    arrives_after: tuple[float, ...] = (0.0,)
    layer_is_down: bool = False


class FaultyLayer(MemoryLayer):
    """A layer that can drop, duplicate, delay and reorder messages, confirm subscriptions late, or be down."""

    def __init__(self, deliveries: Iterable[Delivery] = ()) -> None:
        super().__init__(capacity=2000)
        self._deliveries = iter([*deliveries])
        self._confirms_after: float | None = None

    def deliver_all(self) -> None:
        """Delivers all following messages immediately."""
        self.expect(())

    def expect(self, deliveries: Iterable[Delivery]) -> None:
        """Uses these deliveries for the next messages. Later messages are delivered immediately."""
        self._deliveries = iter([*deliveries])

    def confirm_after(self, seconds: float) -> None:
        """Delays the confirmation of each following subscription by `seconds`."""
        self._confirms_after = seconds

    async def group_send(self, group: str, message: LayerMessage) -> None:
        for delay in self._next_delivery().arrives_after:
            await _run_after(delay, super().group_send, group, message)

    async def group_add(self, group: str, channel: str) -> None:
        # As with Redis, the confirmation isn't awaited, and messages that are sent before it are lost.
        delay = self._confirms_after
        if delay is None:
            delay = max(self._next_delivery().arrives_after, default=0.0)
        await _run_after(delay, super().group_add, group, channel)

    def _next_delivery(self) -> Delivery:
        delivery = next(self._deliveries, Delivery())
        if delivery.layer_is_down:
            raise ConnectionRefusedError
        return delivery


async def _run_after(delay: float, act: Callable[..., Coroutine[Any, Any, None]], *args: Any) -> None:
    """Runs the coroutine function `act` now, or in the background after a delay."""
    if delay:
        loop = asyncio.get_running_loop()
        loop.call_later(delay, lambda: loop.create_task(act(*args)))
    else:
        await act(*args)
