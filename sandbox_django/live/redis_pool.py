"""Connections to Redis that raise Redis' own exceptions when they break."""

from collections.abc import Iterable
from typing import Any

from redis.asyncio import BlockingConnectionPool, Connection, SSLConnection, UnixDomainSocketConnection
from redis.asyncio.connection import parse_url
from redis.exceptions import ConnectionError as RedisConnectionError


class _RaisesConnectionErrors:
    """Raises Redis' ConnectionError when the connection breaks during a send.

    Otherwise, redis-py raises an AttributeError, because its writer is None, and uvloop a RuntimeError. The handlers of
    an outage don't catch these, so a WebSocket that was being opened was closed with 1006.
    """

    async def send_packed_command(self, command: bytes | str | Iterable[bytes], check_health: bool = True) -> None:
        try:
            await super().send_packed_command(command, check_health)  # type: ignore[misc]  # defined by the other base class
        except (AttributeError, RuntimeError) as failure:
            raise RedisConnectionError("The connection broke during a send.") from failure


class _Tcp(_RaisesConnectionErrors, Connection):
    pass


class _Tls(_RaisesConnectionErrors, SSLConnection):
    pass


class _UnixSocket(_RaisesConnectionErrors, UnixDomainSocketConnection):
    pass


_CLASSES = {SSLConnection: _Tls, UnixDomainSocketConnection: _UnixSocket}


def connection_options(url: str) -> dict[str, Any]:
    """Returns the options of a pool for this URL."""
    options: dict[str, Any] = dict(parse_url(url))
    return options | {"connection_class": _CLASSES.get(options.get("connection_class", Connection), _Tcp)}


def redis_pool(url: str, **options: Any) -> BlockingConnectionPool:
    """Returns a pool whose callers wait if all connections are in use. redis-py's default pool raises."""
    return BlockingConnectionPool(**connection_options(url), **options)
