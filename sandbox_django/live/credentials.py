"""The credentials of open sockets: user, device and expiry. A socket without a valid one is closed.

The live core has no accounts. The class that the setting `LIVE_AUTH_BACKEND` names knows them.
"""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol

from django.http import HttpRequest
from django.utils.module_loading import import_string
from rest_framework.request import Request

from live import conf

REVOKED_SESSIONS = "live.ended-devices"  # all processes join this group, because sign-outs are rare
MAX_REMEMBERED = 200  # revocations that a socket may have missed while it was being opened


@dataclass(frozen=True, slots=True)
class Credential:
    """The sign-in that allows a socket to be open. Other sockets of the same device may have the same."""

    user_id: int
    session_id: str
    version: int
    expires_at: float | None = None  # a time.time() value; None if it is valid as long as the device is signed in


class LiveAuthBackend(Protocol):
    """The interface between the live core and the accounts. All methods may query the database."""

    def get_user(self, request: HttpRequest) -> Any:
        """Returns the user of the session that a socket is opened with, or Django's anonymous user."""

    def check_request(self, request: HttpRequest, user: Any) -> None:
        """Raises a DRF exception if this user must not open a socket with this request."""

    def get_credential(self, request: Request) -> Credential | None:
        """Returns the credential of this authenticated request; None for a visitor."""

    def still_valid(self, credentials: Collection[Credential]) -> Collection[Credential]:
        """Returns those of the credentials that are still valid, apart from their expiry."""


@cache
def auth_backend() -> LiveAuthBackend:
    loaded: LiveAuthBackend = import_string(conf.AUTH_BACKEND.value)()
    return loaded


class Connection(Protocol):
    """An open socket."""

    def on_revoked(self) -> None:
        """Closes the socket, because its credential is no longer valid."""


class ConnectionRegistry:
    """The open sockets of this process, by credential and by address."""

    def __init__(self) -> None:
        self._connections: dict[Credential, dict[Connection, asyncio.TimerHandle | None]] = {}
        self._revoked: deque[str] = deque(maxlen=MAX_REMEMBERED)
        self._per_user: Counter[int] = Counter()
        self._per_address: Counter[str] = Counter()

    def count_address(self, address: str) -> bool:
        """Counts a socket of this address, which must `unregister` later. Returns False if there are too many."""
        self._per_address[address] += 1
        return not conf.LIMITS.value or self._per_address[address] <= conf.SOCKETS_PER_ADDRESS.value

    def register(self, connection: Connection, credential: Credential) -> bool:
        """Registers an open socket. Returns False if its user has too many."""
        if conf.LIMITS.value and self._per_user[credential.user_id] >= conf.SOCKETS_PER_USER.value:
            return False
        timer = None
        if credential.expires_at is not None:
            timer = asyncio.get_running_loop().call_later(credential.expires_at - time.time(), connection.on_revoked)
        self._connections.setdefault(credential, {})[connection] = timer
        self._per_user[credential.user_id] += 1
        if credential.session_id in self._revoked:
            connection.on_revoked()
        return True

    def unregister(self, connection: Connection, credential: Credential | None, address: str) -> None:
        _decrement(self._per_address, address)
        if credential is None or connection not in (connections := self._connections.get(credential, {})):
            return
        if (timer := connections.pop(connection)) is not None:
            timer.cancel()
        if not connections:
            del self._connections[credential]
        _decrement(self._per_user, credential.user_id)

    def on_session_revoked(self, session_id: str) -> None:
        """Closes the sockets of a device that was signed out, perhaps in another process."""
        self._revoked.append(session_id)
        self._revoke(credential for credential in self.credentials() if credential.session_id == session_id)

    def credentials(self) -> list[Credential]:
        return list(self._connections)

    def revoke_invalid(self, valid: Collection[Credential], *, checked: Collection[Credential]) -> None:
        """Closes the sockets of the `checked` credentials that are not `valid`."""
        self._revoke(set(checked) - set(valid))

    def _revoke(self, credentials: Iterable[Credential]) -> None:
        for credential in credentials:
            for connection in list(self._connections.get(credential, ())):
                connection.on_revoked()


def _decrement(counter: Counter[Any], key: Any) -> None:
    counter[key] -= 1
    if counter[key] <= 0:
        del counter[key]
