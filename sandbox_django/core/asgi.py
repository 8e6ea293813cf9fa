"""The ASGI application: runs Django in one thread hand-off per request, checks the origin of sockets, handles lifespan.

Django's own ASGI handler uses a new thread for each request, and changes threads for each sync middleware, signal and
close: with 200 requests per second, the median was 725 ms. With one hand-off to a few long-lived threads, it is 8 ms
(docs/decisions/0007-http-in-one-thread-handoff.md).
"""

import asyncio
import fcntl
import gc
import io
import re
import time
import uuid
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import structlog
from channels.routing import URLRouter
from channels.sessions import CookieMiddleware
from django.conf import settings
from django.core import signals
from django.core.exceptions import ImproperlyConfigured
from django.core.handlers.asgi import ASGIHandler, ASGIRequest, get_script_prefix
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBadRequest, HttpResponseBase, JsonResponse
from django.http.request import split_domain_port, validate_host
from django.urls import Resolver404, ResolverMatch, resolve, set_script_prefix
from django.utils.http import is_same_domain

from core.cpu_bound import METHODS, limits_of
from core.errors import BodyTooLarge, NotFound
from core.metrics import http_requests, thread_refusals
from core.metrics_export import publish_metrics_periodically
from core.periodic import Periodic, repeat
from core.views.errors import not_found, unavailable
from live.layers import MemoryLayer, live_layer
from live.messages import authentication_frame
from runtime import jobs
from runtime.threads import Work, drop_dead_connections, end_threads, in_pool, is_full

logger = structlog.get_logger(__name__)

Scope: TypeAlias = Mapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Mapping[str, Any]]]
Send: TypeAlias = Callable[[Mapping[str, Any]], Awaitable[None]]
AsyncView: TypeAlias = Callable[[HttpRequest], Awaitable[HttpResponseBase]]
Application: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

BLOCK_SIZE = 64 * 1024  # bytes of a streamed response that are read in one thread hand-off
GC_THRESHOLD = 10_000  # with Python's default of 700, a busy process paused for 50 to 180 ms


class SingleHandoffHandler(ASGIHandler):
    """Runs all of Django in one thread hand-off: middleware, view, signals and close."""

    def __init__(self, lifespan: "Lifespan", in_loop: Mapping[str, AsyncView] | None = None) -> None:
        self._lifespan = lifespan
        self._in_loop = in_loop or {}  # views that run in the event loop, by path
        self.load_middleware(is_async=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._lifespan.startup()
        body = await _read_body(receive)
        if body is None:
            return
        started_at = time.monotonic()
        if scope["path"] in self._in_loop:
            await _send_response(send, await self._respond_in_loop(scope))
            return
        match = _match_of(scope)
        work = _work_of(match, scope["method"], body)
        if is_full(work):
            thread_refusals.labels(work).inc()
            request, refusal = self.create_request(scope, io.BytesIO())
            await _send_response(send, unavailable(request) if request else refusal or HttpResponseBadRequest())
            return
        response, content, rest = await in_pool(work, self._respond, scope, body, match)
        http_requests.labels(f"{response.status_code // 100}xx").observe(time.monotonic() - started_at)
        try:
            await send(_start_message(response))
            while rest is not None:
                await send({"type": "http.response.body", "body": content, "more_body": True})
                content = await in_pool(work, _next_block, rest)
                rest = rest if content else None
            await send({"type": "http.response.body", "body": content})
        finally:
            if not response.closed:
                await in_pool(work, response.close)

    async def _respond_in_loop(self, scope: Scope) -> HttpResponseBase:
        request, refusal = self.create_request(scope, io.BytesIO())
        if request is None:
            return refusal or HttpResponseBadRequest()
        try:
            return await self._in_loop[scope["path"]](request)
        except Http404 as error:
            return not_found(request, error)

    def _respond(
        self, scope: Scope, body: bytes, match: ResolverMatch | None
    ) -> tuple[HttpResponseBase, bytes, Iterator[bytes] | None]:
        """Returns the response, its first block of content, and an iterator over the rest, if any."""
        drop_dead_connections()
        signals.request_started.send(sender=self.__class__, scope=scope)
        set_script_prefix(get_script_prefix(scope))
        response: HttpResponseBase
        if len(body) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            response = _too_large()
        else:
            request, refusal = self.create_request(scope, io.BytesIO(body))
            if request:
                request.early_match = match  # type: ignore[attr-defined]  # read by `resolve_request`
            response = self._answer(request) if request else refusal or HttpResponseBadRequest()
        if "X-Request-ID" not in response:  # the request was refused before the middleware
            response["X-Request-ID"] = str(uuid.uuid4())
            if response.status_code >= HTTPStatus.BAD_REQUEST:
                logger.info("request_refused", code=response.status_code, request_id=response["X-Request-ID"])
        blocks = iter(response) if response.streaming else None
        content = _next_block(blocks) if blocks else getattr(response, "content", b"")
        if blocks is None or len(content) < BLOCK_SIZE:
            response.close()
            return response, content, None
        return response, content, blocks

    def resolve_request(self, request: HttpRequest) -> ResolverMatch:
        match: ResolverMatch | None = request.early_match  # type: ignore[attr-defined]  # set by `_respond`
        if match is None:
            return super().resolve_request(request)
        request.resolver_match = match
        return match

    def _answer(self, request: ASGIRequest) -> HttpResponseBase:
        response = self.get_response(request)
        response._handler_class = self.__class__  # type: ignore[attr-defined]  # as Django's handlers do, for close()
        return response


def _start_message(response: HttpResponseBase) -> Mapping[str, Any]:
    headers = [(name.encode("ascii"), value.encode("latin-1")) for name, value in response.items()]
    headers += [(b"Set-Cookie", cookie.OutputString().encode("ascii")) for cookie in response.cookies.values()]
    return {"type": "http.response.start", "status": response.status_code, "headers": headers}


async def _send_response(send: Send, response: HttpResponseBase) -> None:
    """Sends a response that was created without Django's middleware."""
    response["X-Request-ID"] = str(uuid.uuid4())
    await send(_start_message(response))
    await send({"type": "http.response.body", "body": getattr(response, "content", b"")})


def _match_of(scope: Scope) -> ResolverMatch | None:
    """Resolves the request's view here if the view may belong in the compute pool.

    Otherwise, it returns None, and Django resolves the view later, in a thread of the requests pool.
    """
    if scope["method"] not in METHODS:
        return None
    try:
        return resolve(scope["path"].removeprefix(get_script_prefix(scope) or ""))
    except Resolver404:
        return None


def _work_of(match: ResolverMatch | None, method: str, body: bytes) -> Work:
    limit = limits_of(match.func).get(method) if match else None
    return Work.REQUESTS if limit is None or len(body) <= limit else Work.COMPUTE


def _next_block(chunks: Iterator[bytes]) -> bytes:
    """Joins chunks of a streamed response to one block; returns an empty block at the end."""
    block, size = [], 0
    for chunk in chunks:
        block.append(chunk)
        size += len(chunk)
        if size >= BLOCK_SIZE:
            break
    return b"".join(block)


async def _read_body(receive: Receive) -> bytes | None:
    """Reads the body of a request; returns None if the client disconnected.

    If the body is too large, it returns only the part up to just above the limit, so that Django refuses the request.
    """
    chunks, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        chunk = message.get("body", b"")
        if size <= settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            chunks.append(chunk)  # the rest is read, so that the client receives the response, but not kept
        size += len(chunk)
        if not message.get("more_body", False):
            return b"".join(chunks)


def _too_large() -> HttpResponse:
    error = {"code": BodyTooLarge.default_code, "detail": BodyTooLarge.default_detail, "attr": None}
    return JsonResponse({"type": "client_error", "errors": [error]}, status=413)


class WebSocketOriginMiddleware:
    """Refuses sockets from pages of other sites, and sockets of unknown paths.

    It also ignores the cookies of clients that send no origin, which are no browsers.
    """

    def __init__(self, inner: Application, lifespan: "Lifespan") -> None:
        self.inner = CookieMiddleware(inner)  # chanx finds the routes by this name
        self._patterns = list(_route_patterns(inner))
        self._lifespan = lifespan

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._lifespan.startup()
        headers = dict(scope["headers"])
        origin = headers.get(b"origin")
        if origin is None:
            # The client isn't a browser. Cookies don't prove that a user intended the request, so they are ignored.
            scope = {**scope, "headers": [header for header in scope["headers"] if header[0] != b"cookie"]}
        elif not _is_allowed_origin(origin.decode("latin-1"), scope, headers):
            await receive()
            await send({"type": "websocket.close", "code": 4403})
            return
        try:
            await self.inner(scope, receive, send)
        except ValueError as failure:
            if not str(failure).startswith("No route found"):  # the message is from Channels
                raise
            await receive()
            if any(pattern.fullmatch(scope["path"]) for pattern in self._patterns):  # the path is right, but not the id
                await send({"type": "websocket.accept"})
                frame = authentication_frame(HTTPStatus.NOT_FOUND, str(NotFound.default_detail))
                await send({"type": "websocket.send", "text": frame})
            await send({"type": "websocket.close", "code": 4404})


def _route_patterns(router: Any, prefix: str = "/") -> Iterator[re.Pattern[str]]:
    """Yields patterns for the paths of a router's sockets, which match any text in place of ids."""
    for route in getattr(router, "routes", ()):
        address = f"{prefix}{route.pattern}"
        if isinstance(route.callback, URLRouter):
            yield from _route_patterns(route.callback, address)
        elif "<" in address:
            yield re.compile(re.sub(r"<[^>]+>", "[^/]+", address))


def _is_allowed_origin(origin: str, scope: Scope, headers: Mapping[bytes, bytes]) -> bool:
    """Returns whether pages of this origin may open sockets: the origin must be this site's or trusted."""
    try:
        page = urlsplit(origin)
    except ValueError:
        return False  # for example, "http://["
    host = headers.get(b"host", b"").decode("latin-1").lower()
    if (page.scheme, page.netloc) == (_page_scheme(scope, headers), host):
        return validate_host(split_domain_port(host)[0], settings.ALLOWED_HOSTS)
    for allowed in [*settings.CORS_ALLOWED_ORIGINS, *settings.CSRF_TRUSTED_ORIGINS]:
        scheme, _, pattern = allowed.partition("://")
        if page.scheme == scheme and is_same_domain(page.netloc, pattern.lstrip("*")):
            return True
    return False


def _page_scheme(scope: Scope, headers: Mapping[bytes, bytes]) -> str:
    """Returns the scheme of this site's pages, like Django's `request.scheme`: a proxy may have terminated TLS."""
    if settings.SECURE_PROXY_SSL_HEADER:
        name, secure = settings.SECURE_PROXY_SSL_HEADER
        forwarded = headers.get(name.removeprefix("HTTP_").replace("_", "-").lower().encode(), b"").decode("latin-1")
        if forwarded:
            return "https" if forwarded.split(",")[0].strip() == secure else "http"
    return "https" if scope.get("scheme") == "wss" else "http"


class Lifespan:
    """Starts and stops a server: by the lifespan protocol or, without it, at the first connection."""

    def __init__(
        self,
        *,
        periodic: Sequence[Periodic],
        at_start: Sequence[Callable[[], Coroutine[Any, Any, Any]]] = (),
    ) -> None:
        self._periodic = periodic
        self._at_start = at_start
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: list[asyncio.Task[None]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Implements the lifespan protocol."""
        await receive()
        try:
            _lock_memory_layer()
        except ImproperlyConfigured as refusal:
            await send({"type": "lifespan.startup.failed", "message": str(refusal)})
            return
        self.startup()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        jobs.exit_within(settings.DRAIN_SECONDS + jobs.STOP_SECONDS)
        await self.shutdown(grace=settings.DRAIN_SECONDS)
        await send({"type": "lifespan.shutdown.complete"})

    def startup(self) -> None:
        loop = asyncio.get_running_loop()
        if self._loop is loop or settings.DATABASE_THREADS == 0:  # tests have no server
            return
        self._loop = loop
        jobs.set_server_loop()
        gc.collect()
        gc.freeze()
        gc.set_threshold(GC_THRESHOLD)
        if not settings.LIMITS:
            logger.warning("LIMITS ARE OFF: no requests are rate-limited (LIMITS=off)")
        self._tasks = [jobs.spawn(repeat(periodic)) for periodic in self._periodic]
        self._tasks.append(jobs.spawn(publish_metrics_periodically()))
        for job in self._at_start:
            jobs.start(job)

    async def shutdown(self, *, grace: float) -> None:
        for task in self._tasks:
            task.cancel()
        cancelled = await jobs.drain(grace)
        if cancelled:
            logger.warning("shutdown_jobs_cancelled", jobs=cancelled)
        await jobs.close_connections()
        # In another thread, because the pools' threads may still be waiting for this loop.
        await asyncio.to_thread(end_threads)
        jobs.clear_server_loop()


_memory_layer_lock: io.TextIOWrapper | None = None  # kept open until the process ends, which holds the lock


def _lock_memory_layer() -> None:
    """Raises if another process uses the in-memory layer, because two processes can't exchange messages over it."""
    global _memory_layer_lock
    if not isinstance(live_layer(), MemoryLayer) or _memory_layer_lock is not None:
        return
    path = Path(settings.DATA_DIR) / "server.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = path.open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise ImproperlyConfigured(
            "Another server process runs on this data directory, and without REDIS_URL the two can't exchange events. "
            "Start one process only, or set REDIS_URL."
        ) from None
    _memory_layer_lock = lock
