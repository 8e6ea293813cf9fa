"""uvicorn's HTTP protocol with time limits, so that slow or silent clients can't occupy connections.

bin/serve and bin/dev pass this class to uvicorn's `--http`.
"""

import asyncio
from http import HTTPStatus
from typing import Any

from django.conf import settings
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

MAX_HEAD_SIZE = 64 * 1024  # bytes of the request line and all headers
MAX_HEADERS = 200
SILENCE = 1 / 3  # of the time for a whole body: the longest pause between two bytes


class BoundedHttpProtocol(HttpToolsProtocol):
    """Closes connections whose request doesn't arrive in time, and refuses large headers (431)."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._timer: asyncio.TimerHandle | None = None
        self._is_in_head = False  # of a request that has begun to arrive
        self._head_size = 0
        self._body_deadline = 0.0
        self._refusal = HTTPStatus.BAD_REQUEST

    # --- The head: timed from the first byte and, on a new connection, even before it

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in the base class
        super().connection_made(transport)
        self._start_timer(settings.REQUEST_HEAD_TIMEOUT, self._on_head_timeout)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._is_in_head, self._head_size = True, 0
        self._start_timer(settings.REQUEST_HEAD_TIMEOUT, self._on_head_timeout)

    def data_received(self, data: bytes) -> None:
        was_in_head = self._is_in_head
        super().data_received(data)
        if was_in_head and self._is_in_head and not self.transport.is_closing():
            # An incomplete header is still inside the parser.
            self._head_size += len(data)
            if self._head_size > MAX_HEAD_SIZE:
                self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def on_headers_complete(self) -> None:
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if size > MAX_HEAD_SIZE or len(self.headers) > MAX_HEADERS:
            self._refusal = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
            raise ValueError("The head is too large.")  # the parser stops, and uvicorn calls `send_400_response`
        self._is_in_head = False
        self._body_deadline = self.loop.time() + settings.REQUEST_BODY_TIMEOUT
        self._wait_for_body()
        super().on_headers_complete()

    def _on_head_timeout(self) -> None:
        if self.cycle is not None and not self.cycle.response_complete:
            # The next request isn't read while the response of this one is sent.
            self._start_timer(settings.REQUEST_HEAD_TIMEOUT, self._on_head_timeout)
        elif self._is_in_head:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT)
        else:
            self.transport.close()

    # --- The body

    def on_body(self, body: bytes) -> None:
        self._wait_for_body()
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._stop_timer()
        super().on_message_complete()

    def _wait_for_body(self) -> None:
        left = self._body_deadline - self.loop.time()
        self._start_timer(min(left, SILENCE * settings.REQUEST_BODY_TIMEOUT), self._on_body_timeout)

    def _on_body_timeout(self) -> None:
        if self.cycle.response_started:
            self.transport.close()
        else:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT)

    # --- The end

    def handle_websocket_upgrade(self) -> None:
        self._stop_timer()
        super().handle_websocket_upgrade()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    def timeout_keep_alive_handler(self) -> None:
        # The client has stopped reading the last response.
        if self.transport.get_write_buffer_size():
            self.transport.abort()
        super().timeout_keep_alive_handler()

    def send_400_response(self, msg: str) -> None:
        self._refuse(self._refusal)

    def _refuse(self, status: HTTPStatus) -> None:
        self._stop_timer()
        text = f"{status.phrase}.\n".encode()
        head = f"content-type: text/plain\r\ncontent-length: {len(text)}\r\nconnection: close\r\n\r\n"
        self.transport.write(STATUS_LINE[status] + head.encode() + text)
        self.transport.close()

    def _start_timer(self, seconds: float, on_timeout: Any) -> None:
        self._stop_timer()
        self._timer = self.loop.call_later(seconds, on_timeout)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
