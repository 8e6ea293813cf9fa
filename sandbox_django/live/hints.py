"""Sends hints: messages about frequent changes that have no sequence number and may be lost.

At most one hint per key is sent each second; the last hint is always sent.
"""

import asyncio
from typing import Any

from chanx.messages.base import BaseMessage

from live.frames import encode
from live.layers import LAYER_DOWN, live_layer
from runtime import jobs
from runtime.per_loop import PerLoop

INTERVAL = 1.0  # seconds

# Per event loop: each key that was sent less than INTERVAL ago, with the newest hint that waits for the interval's end.
_recent: PerLoop[dict[tuple[str, str], tuple[BaseMessage, int] | None]] = PerLoop(dict)


def send(group: str, key: str, hint: BaseMessage, *, after: int = 0) -> None:
    """Sends `hint`, the current state of `key`, to a group. Can be called in any thread.

    `after` is the sequence number of an event: sockets that haven't sent this event yet drop the hint. Pass it if the
    hint has content, since the event may end a client's permission.
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
    finally:  # otherwise no further hint for this key would be sent
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
