"""Unnumbered hints about frequent changes, which may be lost: at most one a second per key, and the last is always
sent.
"""

import asyncio
from typing import Any

from chanx.messages.base import BaseMessage

from live.frames import encode
from live.layers import LAYER_DOWN, live_layer
from runtime import jobs
from runtime.per_loop import PerLoop

INTERVAL = 1.0  # seconds

# Per event loop: the keys sent less than INTERVAL ago, each with the newest waiting hint.
_recent: PerLoop[dict[tuple[str, str], tuple[BaseMessage, int] | None]] = PerLoop(dict)


def send(group: str, key: str, hint: BaseMessage, *, after: int = 0) -> None:
    """Sends the current state of `key` to a group, from any thread. Pages that miss it fetch when they reconnect.

    A hint with content names the event (`after`) that a socket must have sent before; otherwise the socket drops the
    hint.
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
    finally:  # otherwise the key would never be sent again
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
