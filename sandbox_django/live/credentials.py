"""The credentials of open sockets. A user's socket is closed when its credential expires or is revoked.

The live core has no user accounts. The setting `LIVE_AUTH_BACKEND` names a class that connects it to the project's.
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

REVOKED_SESSIONS = "live.ended-devices"  # one group for all processes and sessions, because sign-outs are rare
MAX_REMEMBERED = 200  # recent revocations, for sockets that were being opened at the time


@dataclass(frozen=True, slots=True)
class Credential:
    """The sign-in with which a socket was opened. Several sockets of one device may share an equal credential."""

    user_id: int
    session_id: str
    version: int
    expires_at: float | None = None  # Unix time; None if valid until the device is signed out


class LiveAuthBackend(Protocol):
    """The interface between the live core and the accounts. All methods may query the database."""

    def get_user(self, request: HttpRequest) -> Any:
        """Returns the user of the request's session, or Django's anonymous user."""

    def check_request(self, request: HttpRequest, user: Any) -> None:
        """Raises a DRF exception if the user must not open a socket with this request."""

    def get_credential(self, request: Request) -> Credential | None:
        """Returns the credential of this authenticated request; None for a visitor."""

    def still_valid(self, credentials: Collection[Credential]) -> Collection[Credential]:
        """Returns the credentials that are still valid. It needn't check `expires_at`, which the registry does."""


@cache
def auth_backend() -> LiveAuthBackend:
    loaded: LiveAuthBackend = import_string(conf.AUTH_BACKEND.value)()
    return loaded


class Connection(Protocol):
    """An open socket."""

    def on_revoked(self) -> None:
        """Closes the socket because its credential has expired or was revoked."""


class ConnectionRegistry:
    """The open sockets of this process, by credential and by address."""

    def __init__(self) -> None:
        self._connections: dict[Credential, dict[Connection, asyncio.TimerHandle | None]] = {}
        self._revoked: deque[str] = deque(maxlen=MAX_REMEMBERED)
        self._per_user: Counter[int] = Counter()
        self._per_address: Counter[str] = Counter()

    def count_address(self, address: str) -> bool:
        """Counts a socket of this address, until `unregister`. Returns False if the address has too many sockets."""
        self._per_address[address] += 1
        return not conf.LIMITS.value or self._per_address[address] <= conf.SOCKETS_PER_ADDRESS.value

    def register(self, connection: Connection, credential: Credential) -> bool:
        """Registers an open socket. Returns False if its user has too many sockets."""
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
        """Closes the sockets of all `checked` credentials that are not in `valid`."""
        self._revoke(set(checked) - set(valid))

    def _revoke(self, credentials: Iterable[Credential]) -> None:
        for credential in credentials:
            for connection in list(self._connections.get(credential, ())):
                connection.on_revoked()


def _decrement(counter: Counter[Any], key: Any) -> None:
    counter[key] -= 1
    if counter[key] <= 0:
        del counter[key]
