"""On what grounds a socket is open: who signed in, on which device, until when. Without them it is closed.

The live core knows no accounts. The class that the setting `LIVE_GUARD` names does.
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

ENDED_DEVICES = "live.ended-devices"  # every process listens here: devices are signed out seldom
REMEMBERED = 200  # endings that a socket may have missed while it was being opened


@dataclass(frozen=True, slots=True)
class Pass:
    """What a person showed at the door. Other sockets of the same device may show the same."""

    person: int
    device: str
    version: int
    ends_at: float | None = None  # as time.time() counts; None for as long as the device is signed in


class Guard(Protocol):
    """What the live core asks of whoever knows the accounts. Each method may ask the database."""

    def person_of(self, request: HttpRequest) -> Any:
        """Whoever the session of an opening socket belongs to, or Django's anonymous user."""

    def check_request(self, request: HttpRequest, user: Any) -> None:
        """Raises an exception of DRF if this user's socket must not be opened by this request."""

    def pass_of(self, request: Request) -> Pass | None:
        """On what grounds this authenticated request came; None for a visitor."""

    def still_good(self, passes: Collection[Pass]) -> Collection[Pass]:
        """Those of the passes with which one would be let in again, apart from their time."""


@cache
def guard() -> Guard:
    loaded: Guard = import_string(conf.GUARD.value)()
    return loaded


class Holder(Protocol):
    """An open socket."""

    def take_end(self) -> None:
        """The pass is good no longer: close."""


class Passes:
    """The open sockets of this process, by what they showed and where they come from."""

    def __init__(self) -> None:
        self._holders: dict[Pass, dict[Holder, asyncio.TimerHandle | None]] = {}
        self._ended: deque[str] = deque(maxlen=REMEMBERED)
        self._of_person: Counter[int] = Counter()
        self._of_address: Counter[str] = Counter()

    def knock(self, address: str) -> bool:
        """A socket comes from this address, and will `leave`. False when there are too many."""
        self._of_address[address] += 1
        return not conf.LIMITS.value or self._of_address[address] <= conf.SOCKETS_PER_ADDRESS.value

    def admit(self, holder: Holder, pass_: Pass) -> bool:
        """Watch over this socket from now on. False when its person has too many."""
        if conf.LIMITS.value and self._of_person[pass_.person] >= conf.SOCKETS_PER_PERSON.value:
            return False
        timer = None
        if pass_.ends_at is not None:
            timer = asyncio.get_running_loop().call_later(pass_.ends_at - time.time(), holder.take_end)
        self._holders.setdefault(pass_, {})[holder] = timer
        self._of_person[pass_.person] += 1
        if pass_.device in self._ended:
            holder.take_end()
        return True

    def leave(self, holder: Holder, pass_: Pass | None, address: str) -> None:
        _subtract(self._of_address, address)
        if pass_ is None or holder not in (holders := self._holders.get(pass_, {})):
            return
        if (timer := holders.pop(holder)) is not None:
            timer.cancel()
        if not holders:
            del self._holders[pass_]
        _subtract(self._of_person, pass_.person)

    def hear_ended(self, device: str) -> None:
        """A device was signed out, perhaps in another process: its sockets close, the person's others stay."""
        self._ended.append(device)
        self._end(pass_ for pass_ in self.shown() if pass_.device == device)

    def shown(self) -> list[Pass]:
        return list(self._holders)

    def keep(self, good: Collection[Pass], *, of: Collection[Pass]) -> None:
        """Close the sockets of all others `of` those that were asked about."""
        self._end(set(of) - set(good))

    def _end(self, passes: Iterable[Pass]) -> None:
        for pass_ in passes:
            for holder in list(self._holders.get(pass_, ())):
                holder.take_end()


def _subtract(counter: Counter[Any], key: Any) -> None:
    counter[key] -= 1
    if counter[key] <= 0:
        del counter[key]
