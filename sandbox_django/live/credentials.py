"""On what grounds a socket is open: who signed in, on which device, until when. Without them it is closed.

The live core knows no accounts. The class that the setting `LIVE_AUTH_BACKEND` names does.
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

REVOKED_SESSIONS = "live.ended-devices"  # every process listens here: devices are signed out seldom
MAX_REMEMBERED = 200  # endings that a socket may have missed while it was being opened


@dataclass(frozen=True, slots=True)
class Credential:
    """What a person showed at the door. Other sockets of the same device may show the same."""

    user_id: int
    session_id: str
    version: int
    expires_at: float | None = None  # as time.time() counts; None for as long as the device is signed in


class LiveAuthBackend(Protocol):
    """What the live core asks of whoever knows the accounts. Each method may ask the database."""

    def get_user(self, request: HttpRequest) -> Any:
        """Whoever the session of an opening socket belongs to, or Django's anonymous user."""

    def check_request(self, request: HttpRequest, user: Any) -> None:
        """Raises an exception of DRF if this user's socket must not be opened by this request."""

    def get_credential(self, request: Request) -> Credential | None:
        """On what grounds this authenticated request came; None for a visitor."""

    def still_valid(self, credentials: Collection[Credential]) -> Collection[Credential]:
        """Those of the passes with which one would be let in again, apart from their time."""


@cache
def auth_backend() -> LiveAuthBackend:
    loaded: LiveAuthBackend = import_string(conf.AUTH_BACKEND.value)()
    return loaded


class Connection(Protocol):
    """An open socket."""

    def on_revoked(self) -> None:
        """The pass is good no longer: close."""


class ConnectionRegistry:
    """The open sockets of this process, by what they showed and where they come from."""

    def __init__(self) -> None:
        self._connections: dict[Credential, dict[Connection, asyncio.TimerHandle | None]] = {}
        self._revoked: deque[str] = deque(maxlen=MAX_REMEMBERED)
        self._per_user: Counter[int] = Counter()
        self._per_address: Counter[str] = Counter()

    def count_address(self, address: str) -> bool:
        """A socket comes from this address, and will `unregister`. False when there are too many."""
        self._per_address[address] += 1
        return not conf.LIMITS.value or self._per_address[address] <= conf.SOCKETS_PER_ADDRESS.value

    def register(self, connection: Connection, credential: Credential) -> bool:
        """Watch over this socket from now on. False when its person has too many."""
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
        """A device was signed out, perhaps in another process: its sockets close, the person's others stay."""
        self._revoked.append(session_id)
        self._revoke(credential for credential in self.credentials() if credential.session_id == session_id)

    def credentials(self) -> list[Credential]:
        return list(self._connections)

    def revoke_invalid(self, valid: Collection[Credential], *, checked: Collection[Credential]) -> None:
        """Close the sockets of the `checked` credentials that are not `valid`."""
        self._revoke(set(checked) - set(valid))

    def _revoke(self, credentials: Iterable[Credential]) -> None:
        for credential in credentials:
            for connection in list(self._connections.get(credential, ())):
                connection.on_revoked()


def _decrement(counter: Counter[Any], key: Any) -> None:
    counter[key] -= 1
    if counter[key] <= 0:
        del counter[key]
