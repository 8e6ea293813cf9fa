"""The base class of all consumers: opens a socket, replays missed events, sends new events in order, and closes."""

import asyncio
import time
from collections.abc import Collection, Sequence
from contextlib import suppress
from http import HTTPStatus
from typing import Any, ClassVar, Self
from urllib.parse import parse_qs

import humps
import structlog
from channels.exceptions import StopConsumer
from channels.layers import get_channel_layer
from chanx.channels.websocket import AsyncJsonWebsocketConsumer
from chanx.constants import ENVELOPE_VERSION
from chanx.core.decorators import ws_handler
from chanx.core.envelope import Envelope, current_ref, strip_envelope
from chanx.messages.base import BaseMessage
from chanx.messages.incoming import PingMessage
from chanx.messages.outgoing import ErrorMessage, PongMessage
from django.db import Error
from pydantic import ValidationError

from live import conf
from live.authenticator import LiveAuthenticator
from live.credentials import Credential
from live.cursor import GAP, SEND, TEXT_GAP, Cursor
from live.feeds import Event, Replay
from live.frames import dumps, encode
from live.hub import current_hub
from live.local_feed import LocalFeed, read_with_texts
from live.messages import (
    AuthenticationMessage,
    ResyncMessage,
    ResyncPayload,
    authentication_frame,
)
from live.metrics import counts
from live.send_queue import CLIENT_GONE, SendQueue
from live.text_chunk import LatestStream, TextChunk
from runtime import jobs
from runtime.addresses import network_of
from runtime.json_limits import TooComplex, check_json
from runtime.threads import once_per_batch

logger = structlog.get_logger(__name__)

MAX_FRAME = 64 * 1024  # bytes from a client
CLOSE_TOO_BIG = 1009
CLOSE_SLOW = 4408
CLOSE_BAD_REQUEST = 4400
CLOSE_SIGNED_OUT = 4401
CLOSE_TOO_OFTEN = 4429
CLOSE_TRY_AGAIN = 1013


class LiveConsumer(AsyncJsonWebsocketConsumer):
    """Keeps one client up to date about one feed.

    A subclass defines `feed`, and lists in `emits` the messages that it sends, for the API documentation. If texts are
    streamed in its feed, it also defines `latest_stream`, `stored_texts` and `running_text`.
    """

    authenticator_class = LiveAuthenticator
    authenticator: LiveAuthenticator
    emits: ClassVar[list[type[BaseMessage]]] = [AuthenticationMessage, ResyncMessage, ErrorMessage]

    _credential: Credential | None = None
    _address: str | None = None
    _closing = False  # no new frames are accepted, though the socket may still be open
    _minute_started_at = 0.0  # the start of the minute in which the client's frames are counted
    _frames = 0
    _feed: LocalFeed | None = None
    _replay: Replay
    _replayed_texts: dict[int, TextChunk]
    _latest_stream: LatestStream | None = None
    _buffered_chunks: list[TextChunk] | None = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        # Messages of a consumer can also be sent to it as channel events, without a handler that copies them.
        cls.passthrough_events = list(cls.__dict__.get("emits", []))
        super().__init_subclass__(**kwargs)

    # --- Defined by subclasses

    def feed(self) -> str:
        """Returns the name of the feed, after authentication."""
        raise NotImplementedError

    def latest_stream(self) -> LatestStream | None:
        """Returns the newest streamed text of this feed (queries the database)."""
        return None

    def stored_texts(self, text_ids: Sequence[int]) -> Sequence[TextChunk]:
        """Returns texts that have ended, complete (queries the database)."""
        return ()

    async def running_text(self, text_id: int) -> TextChunk | None:
        """Returns the text so far of a running stream; None if it isn't running."""
        return None

    # --- Opening and closing

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        # No Channels channel is created for the socket, because the hub has one channel for all sockets.
        self.scope = scope
        self.channel_layer = get_channel_layer(self.channel_layer_alias)
        self.channel_name = f"socket.{id(self):x}"
        self.base_send = send
        self._send_queue = SendQueue(send, self._close_slow_client)
        self._cursor = Cursor()
        self._reauthorize_task: asyncio.Task[None] | None = None
        try:
            while True:
                await self.dispatch(await receive())
        except StopConsumer:
            return
        finally:
            self._detach()

    async def dispatch(self, message: dict[str, Any]) -> None:
        # Channels would clean up database connections in another thread for each message. Here, database calls already
        # run in database threads.
        match message["type"]:
            case "websocket.connect":
                await self.websocket_connect(message)
            case "websocket.receive" if not (self._closed or self._closing):
                await self.websocket_receive(message)
            case "websocket.disconnect":
                await self.websocket_disconnect(message)

    async def websocket_connect(self, message: Any) -> None:
        jobs.set_server_loop()
        # A client of another origin offers two subprotocols: "bearer" and its token. Only "bearer" is selected, because
        # the token must not be sent back.
        offered = self.scope.get("subprotocols", ())
        await self.accept(next((name for name in offered if name.lower() == "bearer"), None))
        connections = current_hub().connections
        self._address = network_of((self.scope.get("client") or [""])[0])
        if not connections.count_address(self._address):
            await self._reject_too_many()
            return
        try:
            since = self._parse_since()
        except ValueError:
            await self._reject(HTTPStatus.BAD_REQUEST, "since must be a whole number.", CLOSE_BAD_REQUEST)
            return
        await current_hub().watch_revocations()
        self.authenticator.after_authentication = lambda: self._read_log(since)
        if not await self.authenticator.authenticate(self.scope):
            refusal = HTTPStatus(self.authenticator.status_code or HTTPStatus.UNAUTHORIZED)
            await self._reject(refusal, self.authenticator.detail, self.authenticator.close_code)
            return
        self._credential = self.authenticator.credential
        if self._credential is not None and not connections.register(self, self._credential):
            await self._reject_too_many()
            return
        await self._join(since)
        if not self._closing:
            await self.post_authentication()

    async def websocket_disconnect(self, message: Any) -> None:
        self._closed = True
        structlog.contextvars.clear_contextvars()
        raise StopConsumer

    async def close(self, code: int | None = None, reason: str | None = None) -> None:
        self._detach()
        if not self._closed:
            await self._send_queue.flush()
        await self._close(code, reason)

    async def _close(self, code: int | None, reason: str | None = None) -> None:
        if not self._closed:  # another task may have closed it
            with suppress(*CLIENT_GONE):
                await super().close(code, reason)

    async def _reject(self, status: HTTPStatus, detail: str, code: int) -> None:
        self._enqueue_authentication(status, detail)
        await self.close(code)

    async def _reject_too_many(self) -> None:
        counts.sockets_refused += 1
        await self._reject(HTTPStatus.TOO_MANY_REQUESTS, "Too many open sockets.", CLOSE_TOO_OFTEN)

    async def _close_slow_client(self) -> None:
        """Closes the socket of a client that doesn't read. The client reconnects with `since`."""
        self._detach()
        await self._close(CLOSE_SLOW)

    def _detach(self) -> None:
        self._closing = True
        self._send_queue.seal()
        if self._address is not None:
            current_hub().connections.unregister(self, self._credential, self._address)
            self._address = None
        if self._feed is not None:
            current_hub().leave(self._feed, self)
            self._feed = None
        if self._closed:
            self._send_queue.close()

    # --- Replay

    def _parse_since(self) -> int | None:
        values = parse_qs(self.scope.get("query_string", b"").decode("latin-1")).get("since")
        if not values:
            return None
        since = int(values[-1])
        if not 0 <= since < 2**63:
            raise ValueError(since)
        return since

    def _read_log(self, since: int | None) -> None:
        # The newest text is read before the log: if it ends in between, the log contains its end event. After a deploy,
        # all sockets of a room miss the same events and texts, and sockets in one batch read them once. The cache key
        # contains the class, because the class defines which texts a feed has.
        feed, consumer_class = self.feed(), type(self)
        self._latest_stream = once_per_batch(("newest text", consumer_class, feed), self.latest_stream)
        self._replay, self._replayed_texts = once_per_batch(
            ("log", consumer_class, feed, since), lambda: read_with_texts(feed, since, self.stored_texts)
        )

    async def _join(self, since: int | None) -> None:
        replay, latest_stream = self._replay, self._latest_stream
        self._cursor.seq = replay.head if since is None or not replay.complete else since
        if latest_stream is not None and latest_stream.is_running:
            self._buffered_chunks = []
        feed = await current_hub().join(self.feed(), self, replay.head)
        if self._closing:
            current_hub().leave(feed, self)
            return
        self._feed = feed
        # There is no await from here to `add`, so no event can come between the replay and the live events.
        self._enqueue_authentication(HTTPStatus.OK, "OK", replay.head)
        if not replay.complete:
            counts.resyncs += 1
            self._enqueue(ResyncMessage(payload=ResyncPayload(seq=replay.head)))
        for event in replay.events:
            if event.text_id is not None and (text := self._replayed_texts.get(event.text_id)):
                self._send_chunk(text)
            self.on_event(event, from_log=True)
        if self._closing:  # a replayed event has closed the socket
            return
        if latest_stream is not None:
            # Only one text runs at a time, so all texts before the newest have ended.
            self._cursor.end_texts(latest_stream.text_id - latest_stream.is_running)
        feed.add(self)
        self._replay, self._replayed_texts = Replay(replay.head, (), complete=True), {}
        if latest_stream is not None and latest_stream.is_running:
            so_far = await self.running_text(latest_stream.text_id)
            buffered, self._buffered_chunks = self._buffered_chunks or [], None
            if self._closing:
                return
            for chunk in [so_far, *buffered] if so_far else buffered:
                feed.deliver_chunk(self, chunk)

    # --- Methods that the hub calls

    @property
    def seq(self) -> int:
        """The sequence number of the newest event that was sent."""
        return self._cursor.seq

    def on_event(self, event: Event, *, from_log: bool = False) -> bool:
        """Sends the event if it is next, and drops duplicates.

        Returns False if an earlier event is missing, or the last part of the text that this event ends.
        """
        if self._closing:
            return True
        step = self._cursor.on_event(event.seq, text_id=event.text_id, text_length=event.text_length, from_log=from_log)
        if step is SEND:
            self._send_queue.put(event.frame)
        return step is not GAP

    def on_chunk(self, chunk: TextChunk, *, from_log: bool = False) -> bool:
        """Sends the part of a chunk that the client lacks.

        Returns False if an earlier chunk is missing, or the event that the text follows.
        """
        if self._closing:
            return True
        step = self._cursor.on_chunk(chunk.text_id, after=chunk.after, offset=chunk.offset, from_log=from_log)
        if step is TEXT_GAP and self._buffered_chunks is not None:
            self._buffered_chunks.append(chunk)
            return True
        if step is SEND:
            self._send_chunk(chunk)
        return step is not GAP and step is not TEXT_GAP

    def on_hint(self, frame: str) -> None:
        self._send_queue.put(frame)

    def on_reauthorize(self) -> None:
        if self._reauthorize_task is None:
            self._reauthorize_task = asyncio.create_task(self._reauthorize())

    async def _reauthorize(self) -> None:
        authenticator = self.authenticator_class(self.send_message)
        try:
            if await authenticator.authenticate(self.scope):
                self.authenticator.obj = authenticator.obj
            else:
                await self.close(authenticator.close_code)
        except Error as failure:
            logger.warning("authorization_not_checked", error=type(failure).__name__, feed=self.feed())
            await self.close(CLOSE_TRY_AGAIN)  # the client reconnects, and is authenticated again
        finally:
            self._reauthorize_task = None

    @classmethod
    def still_allowed(cls, consumers: Sequence[Self]) -> Collection[Self]:
        """Returns the open sockets whose users still have permission, with one query for all sockets.

        Subclasses check the permission for the object. Credentials are checked by the hub.
        """
        return consumers

    def on_revoked(self) -> None:
        """Closes the socket without sending queued frames: the device was signed out or the token has expired."""
        self._detach()
        self._send_queue.discard_queued()
        self._close_task = asyncio.create_task(self.close(CLOSE_SIGNED_OUT))

    def on_failure(self) -> None:
        """Closes the socket after an unexpected error. The client reconnects and receives the missed events."""
        self._detach()
        self._close_task = asyncio.create_task(self.close(CLOSE_TRY_AGAIN))

    def resync(self, head: int) -> None:
        """Moves to the head and sends a resync, because the log can't replay the missed events."""
        counts.resyncs += 1
        self._cursor.resync(head)
        self._enqueue(ResyncMessage(payload=ResyncPayload(seq=head)))

    def _send_chunk(self, chunk: TextChunk) -> None:
        offset = self._cursor.send_text(chunk.text_id, chunk.end)
        if offset is not None:
            self._send_queue.put(chunk.from_offset(offset))

    # --- Frames from the client

    @ws_handler(summary="Check that the connection works", output_type=PongMessage)
    async def answer_ping(self, message: PingMessage) -> PongMessage:
        return PongMessage()

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None, **kwargs: Any) -> None:
        if len(text_data.encode() if text_data is not None else bytes_data or b"") > MAX_FRAME:
            await self.close(CLOSE_TOO_BIG)
            return
        if self._exceeds_frame_rate():
            counts.frames_refused += 1
            await self.close(CLOSE_TOO_OFTEN)
            return
        await super().receive(text_data, bytes_data, **kwargs)

    def _exceeds_frame_rate(self) -> bool:
        if time.monotonic() - self._minute_started_at >= 60:
            self._minute_started_at, self._frames = time.monotonic(), 0
        self._frames += 1
        return conf.LIMITS.value and self._frames > conf.FRAMES_PER_MINUTE.value

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        """Handles frames one after the other. chanx would start a task for each frame, without a limit or an order."""
        try:
            check_json(content)
            dumps(content).encode()  # raises for half of a surrogate pair, which no reply could contain
            envelope = Envelope.model_validate(content)
            message = humps.decamelize(strip_envelope(content))
        except ValidationError as failure:
            await self.handle_validation_error(failure)
            return
        except (RecursionError, TooComplex):
            await self._reject_frame(None, "nested too deeply")
            return
        except UnicodeEncodeError:
            await self._reject_frame(None, "not valid Unicode")
            return
        token = current_ref.set(envelope.ref)
        try:
            await self.handle_json(message)
        finally:
            current_ref.reset(token)

    # --- Frames to the client

    async def send_json(self, content: dict[str, Any], close: bool = False) -> None:
        """Sends chanx's own frames: replies and errors."""
        # The send queue never waits. Channels would wait for a client that doesn't read.
        if not self._closing:
            ref = current_ref.get()
            envelope = {} if ref is None else {"version": ENVELOPE_VERSION, "ref": ref}
            self._send_queue.put(dumps(humps.camelize(content) | envelope))

    def _enqueue(self, message: BaseMessage) -> None:
        self._send_queue.put(encode(message))

    def _enqueue_authentication(self, status: HTTPStatus, detail: str, seq: int | None = None) -> None:
        self._send_queue.put(authentication_frame(status, detail, seq))

    @classmethod
    async def broadcast_event(cls, event: BaseMessage, groups: Collection[str] | str | None = None) -> None:
        """Raises NotImplementedError, because the layer may lose a channel event and no log has it."""
        raise NotImplementedError("Publish with live.feeds.write, or send a hint with live.hints.send.")
