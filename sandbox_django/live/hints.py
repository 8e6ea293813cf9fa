"""Unnumbered hints: what changes often and may be missed, at most one a second per thing, the last one always sent."""

import asyncio
from typing import Any

from chanx.messages.base import BaseMessage

from live.frames import encode
from live.layers import LAYER_DOWN, live_layer
from runtime import jobs
from runtime.per_loop import PerLoop

INTERVAL = 1.0  # seconds

# Per event loop: what was sent less than INTERVAL ago, and the newest hint that waits for its turn.
_recent: PerLoop[dict[tuple[str, str], tuple[BaseMessage, int] | None]] = PerLoop(dict)


def send(group: str, key: str, hint: BaseMessage, *, after: int = 0) -> None:
    """Tell a group how `key` is now, from any thread. Readers who miss it fetch again when they reconnect.

    A hint with content says `after` which event of the feed it may be seen: a socket without that event drops it.
    """
    jobs.start(_send, group, key, hint, after)


async def _send(group: str, key: str, hint: BaseMessage, after: int) -> None:
    recent = _recent.current()
    if (group, key) in recent:
        recent[group, key] = hint, after
        return
    recent[group, key] = None
    try:
        await _publish(group, hint, after)
    finally:  # whatever happens: a thing that rests for ever is never sent again
        asyncio.get_running_loop().call_later(INTERVAL, _send_waiting, group, key)


def _send_waiting(group: str, key: str) -> None:
    waiting = _recent.current().pop((group, key))
    if waiting is not None:
        jobs.start(_send, group, key, *waiting)


async def _publish(group: str, hint: BaseMessage, after: int) -> None:
    message: dict[str, Any] = {"type": "live.hint", "group": group, "frame": encode(hint), "after": after}
    try:
        await live_layer().group_send(group, message)
    except LAYER_DOWN as failure:
        live_layer().outage.failed(failure)
