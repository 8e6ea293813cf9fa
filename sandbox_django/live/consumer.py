"""The base of every socket: opens, replays what was missed, forwards in order, closes."""

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
from live.cursor import GAP, SEND, TEXT_GAP, Cursor
from live.feeds import Fact, Replay
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
from live.outbox import GONE, Outbox
from live.passes import Pass
from live.texts import NewestText, Piece
from runtime import jobs
from runtime.addresses import network_of
from runtime.json_limits import TooComplex, check_json
from runtime.threads import once_per_hop

logger = structlog.get_logger(__name__)

MAX_FRAME = 64 * 1024  # bytes from a client
CLOSE_TOO_BIG = 1009
CLOSE_SLOW = 4408
CLOSE_BAD_REQUEST = 4400
CLOSE_SIGNED_OUT = 4401
CLOSE_TOO_OFTEN = 4429
CLOSE_TRY_AGAIN = 1013


class LiveConsumer(AsyncJsonWebsocketConsumer):
    """One browser, kept up to date about one feed.

    A subclass names its feed and declares in `emits` what it may send; that makes it live, replayable and documented.
    Where texts are streamed in the feed it also says what `newest_text`, `stored_texts` and `running_text` are.
    """

    authenticator_class = LiveAuthenticator
    authenticator: LiveAuthenticator
    emits: ClassVar[list[type[BaseMessage]]] = [AuthenticationMessage, ResyncMessage, ErrorMessage]

    _pass: Pass | None = None
    _address: str | None = None
    _is_over = False  # nothing more goes out, though the socket may not be closed yet
    _minute = 0.0  # when the minute began in which the browser's frames are counted
    _frames = 0
    _feed: LocalFeed | None = None
    _replay: Replay
    _replayed_texts: dict[int, Piece]
    _newest_text: NewestText | None = None
    _text_to_come: list[Piece] | None = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        # Whatever a consumer may say can also be sent to it as a channel event, without a handler that copies it.
        cls.passthrough_events = list(cls.__dict__.get("emits", []))
        super().__init_subclass__(**kwargs)

    # What a subclass says

    def feed(self) -> str:
        """The name of the feed, once the authenticator has let the reader in."""
        raise NotImplementedError

    def newest_text(self) -> NewestText | None:
        """The newest streamed text of this feed (asks the database)."""
        return None

    def stored_texts(self, text_ids: Sequence[int]) -> Sequence[Piece]:
        """The whole of texts that have ended (asks the database)."""
        return ()

    async def running_text(self, text_id: int) -> Piece | None:
        """A text that is being written, from its start to now; None when it isn't."""
        return None

    # Life

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        # Without Channels' own channel per socket: the hub has one for all of them.
        self.scope = scope
        self.channel_layer = get_channel_layer(self.channel_layer_alias)
        self.channel_name = f"socket.{id(self):x}"
        self.base_send = send
        self._outbox = Outbox(send, self._give_up)
        self._cursor = Cursor()
        self._rechecking: asyncio.Task[None] | None = None
        try:
            while True:
                await self.dispatch(await receive())
        except StopConsumer:
            return
        finally:
            self._leave()

    async def dispatch(self, message: dict[str, Any]) -> None:
        # Without Channels' hop to a thread for each message: what asks the database goes there by itself.
        match message["type"]:
            case "websocket.connect":
                await self.websocket_connect(message)
            case "websocket.receive" if not (self._closed or self._is_over):
                await self.websocket_receive(message)
            case "websocket.disconnect":
                await self.websocket_disconnect(message)

    async def websocket_connect(self, message: Any) -> None:
        jobs.remember_server_loop()
        # A browser of another origin offers "bearer" and its token: only the first is
        # selected, as the second must not be sent back.
        offered = self.scope.get("subprotocols", ())
        await self.accept(next((name for name in offered if name.lower() == "bearer"), None))
        passes = current_hub().passes
        self._address = network_of((self.scope.get("client") or [""])[0])
        if not passes.knock(self._address):
            await self._refuse_crowd()
            return
        try:
            since = self._since()
        except ValueError:
            await self._refuse(HTTPStatus.BAD_REQUEST, "since must be a whole number.", CLOSE_BAD_REQUEST)
            return
        await current_hub().watch_passes()
        self.authenticator.after_opening = lambda: self._read(since)
        if not await self.authenticator.authenticate(self.scope):
            refusal = HTTPStatus(self.authenticator.status_code or HTTPStatus.UNAUTHORIZED)
            await self._refuse(refusal, self.authenticator.detail, self.authenticator.close_code)
            return
        self._pass = self.authenticator.pass_
        if self._pass is not None and not passes.admit(self, self._pass):
            await self._refuse_crowd()
            return
        await self._join(since)
        if not self._is_over:
            await self.post_authentication()

    async def websocket_disconnect(self, message: Any) -> None:
        self._closed = True
        structlog.contextvars.clear_contextvars()
        raise StopConsumer

    async def close(self, code: int | None = None, reason: str | None = None) -> None:
        self._leave()
        if not self._closed:
            await self._outbox.flush()
        await self._close(code, reason)

    async def _close(self, code: int | None, reason: str | None = None) -> None:
        if not self._closed:  # perhaps by somebody else, meanwhile
            with suppress(*GONE):
                await super().close(code, reason)

    async def _refuse(self, status: HTTPStatus, detail: str, code: int) -> None:
        self._say_authentication(status, detail)
        await self.close(code)

    async def _refuse_crowd(self) -> None:
        counts.sockets_refused += 1
        await self._refuse(HTTPStatus.TOO_MANY_REQUESTS, "Too many open sockets.", CLOSE_TOO_OFTEN)

    async def _give_up(self) -> None:
        """The browser doesn't read. It will come back with `since`."""
        self._leave()
        await self._close(CLOSE_SLOW)

    def _leave(self) -> None:
        self._is_over = True
        self._outbox.seal()
        if self._address is not None:
            current_hub().passes.leave(self, self._pass, self._address)
            self._address = None
        if self._feed is not None:
            current_hub().leave(self._feed, self)
            self._feed = None
        if self._closed:
            self._outbox.close()

    # Opening

    def _since(self) -> int | None:
        values = parse_qs(self.scope.get("query_string", b"").decode("latin-1")).get("since")
        if not values:
            return None
        since = int(values[-1])
        if not 0 <= since < 2**63:
            raise ValueError(since)
        return since

    def _read(self, since: int | None) -> None:
        # Texts before the log: an answer that ends in between is then told by its end, with its text. All who come
        # back to a room after a deploy miss the same: those of one hop read it once. By their class, which says what
        # the texts of a feed are.
        feed, kind = self.feed(), type(self)
        self._newest_text = once_per_hop(("newest text", kind, feed), self.newest_text)
        self._replay, self._replayed_texts = once_per_hop(
            ("log", kind, feed, since), lambda: read_with_texts(feed, since, self.stored_texts)
        )

    async def _join(self, since: int | None) -> None:
        replay, newest_text = self._replay, self._newest_text
        self._cursor.seq = replay.head if since is None or not replay.complete else since
        if newest_text is not None and newest_text.is_running:
            self._text_to_come = []
        feed = await current_hub().join(self.feed(), self, replay.head)
        if self._is_over:
            current_hub().leave(feed, self)
            return
        self._feed = feed
        # From here to `add` nothing waits, so nothing comes between what is replayed and what is live.
        self._say_authentication(HTTPStatus.OK, "OK", replay.head)
        if not replay.complete:
            counts.resyncs += 1
            self._say(ResyncMessage(payload=ResyncPayload(seq=replay.head)))
        for fact in replay.facts:
            if fact.text_id is not None and (text := self._replayed_texts.get(fact.text_id)):
                self._send_text(text)
            self.take_fact(fact, anyhow=True)
        if self._is_over:  # by what was replayed
            return
        if newest_text is not None:
            # Texts come one after the other: those before the one that runs are over, too.
            self._cursor.end_texts(newest_text.text_id - newest_text.is_running)
        feed.add(self)
        self._replay, self._replayed_texts = Replay(replay.head, (), complete=True), {}
        if newest_text is not None and newest_text.is_running:
            so_far = await self.running_text(newest_text.text_id)
            heard, self._text_to_come = self._text_to_come or [], None
            if self._is_over:
                return
            for piece in [so_far, *heard] if so_far else heard:
                feed.give_text(self, piece)

    # What the hub asks of a reader

    @property
    def seq(self) -> int:
        """The number of the newest event that was sent."""
        return self._cursor.seq

    def take_fact(self, fact: Fact, *, anyhow: bool = False) -> bool:
        """Send the next fact; doubles are dropped. False when one before it, or the end of its text, is missing."""
        if self._is_over:
            return True
        step = self._cursor.on_event(fact.seq, text_id=fact.text_id, text_length=fact.text_length, from_log=anyhow)
        if step is SEND:
            self._outbox.put(fact.frame)
        return step is not GAP

    def take_text(self, piece: Piece, *, anyhow: bool = False) -> bool:
        """Send what is new of a piece. False when its start, or the fact it follows, is missing."""
        if self._is_over:
            return True
        step = self._cursor.on_chunk(piece.text_id, after=piece.after, offset=piece.offset, from_log=anyhow)
        if step is TEXT_GAP and self._text_to_come is not None:
            self._text_to_come.append(piece)
            return True
        if step is SEND:
            self._send_text(piece)
        return step is not GAP and step is not TEXT_GAP

    def take_hint(self, frame: str) -> None:
        self._outbox.put(frame)

    def take_recheck(self) -> None:
        if self._rechecking is None:
            self._rechecking = asyncio.create_task(self._recheck())

    async def _recheck(self) -> None:
        authenticator = self.authenticator_class(self.send_message)
        try:
            if await authenticator.authenticate(self.scope):
                self.authenticator.obj = authenticator.obj
            else:
                await self.close(authenticator.close_code)
        except Error as failure:
            logger.warning("rights_not_checked", error=type(failure).__name__, feed=self.feed())
            await self.close(CLOSE_TRY_AGAIN)  # the client comes back, and is authenticated again
        finally:
            self._rechecking = None

    @classmethod
    def still_allowed(cls, consumers: Sequence[Self]) -> Collection[Self]:
        """Returns those of these open sockets whose users may still listen. Asks the database, in one query for all.

        Whether they are still signed in is asked elsewhere; a subclass asks about the object.
        """
        return consumers

    def take_end(self) -> None:
        """The person's device was signed out, or the token has run out: close, and not one frame more."""
        self._leave()
        self._outbox.forget()
        self._ending = asyncio.create_task(self.close(CLOSE_SIGNED_OUT))

    def resync(self, head: int) -> None:
        """Start anew at the head: what came before can't be told any more."""
        counts.resyncs += 1
        self._cursor.resync(head)
        self._say(ResyncMessage(payload=ResyncPayload(seq=head)))

    def _send_text(self, piece: Piece) -> None:
        offset = self._cursor.send_text(piece.text_id, piece.end)
        if offset is not None:
            self._outbox.put(piece.from_offset(offset))

    # What the browser says

    @ws_handler(summary="Is anybody there?", output_type=PongMessage)
    async def answer_ping(self, message: PingMessage) -> PongMessage:
        return PongMessage()

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None, **kwargs: Any) -> None:
        if len(text_data.encode() if text_data is not None else bytes_data or b"") > MAX_FRAME:
            await self.close(CLOSE_TOO_BIG)
            return
        if self._says_too_much():
            counts.frames_refused += 1
            await self.close(CLOSE_TOO_OFTEN)
            return
        await super().receive(text_data, bytes_data, **kwargs)

    def _says_too_much(self) -> bool:
        if time.monotonic() - self._minute >= 60:
            self._minute, self._frames = time.monotonic(), 0
        self._frames += 1
        return conf.LIMITS.value and self._frames > conf.FRAMES_PER_MINUTE.value

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        """Handle one frame after the other: chanx would start a task for each, unbounded and in no order."""
        try:
            check_json(content)
            dumps(content).encode()  # fails on half of a surrogate pair, which no frame could return
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

    # What goes out

    async def send_json(self, content: dict[str, Any], close: bool = False) -> None:
        """What chanx says by itself: replies to what the browser says, and errors."""
        # Not by Channels' own way, which would wait for a browser that doesn't read.
        if not self._is_over:
            ref = current_ref.get()
            envelope = {} if ref is None else {"version": ENVELOPE_VERSION, "ref": ref}
            self._outbox.put(dumps(humps.camelize(content) | envelope))

    def _say(self, message: BaseMessage) -> None:
        self._outbox.put(encode(message))

    def _say_authentication(self, status: HTTPStatus, detail: str, seq: int | None = None) -> None:
        self._outbox.put(authentication_frame(status, detail, seq))

    @classmethod
    async def broadcast_event(cls, event: BaseMessage, groups: Collection[str] | str | None = None) -> None:
        """Refused: the layer may lose a channel event, and no log would have it."""
        raise NotImplementedError("Publish with live.feeds.write, or send a hint with live.hints.send.")
