"""Sends hints to selected subscribers: once to each process, which selects its sockets."""

import json
from collections import defaultdict
from functools import partial
from typing import Any, ClassVar

from live.consumer import LiveConsumer
from live.hub import current_hub
from live.local_feed import for_each
from runtime.per_loop import PerLoop


class SelectiveConsumer(LiveConsumer):
    """A consumer that also receives the hints of a group for which `wants_hint` returns True.

    For frequent changes that concern few clients: sending each change to all subscribers of a shared feed would be too
    much, and so would a separate message to each client.
    """

    hints_group: ClassVar[str]

    def wants_hint(self, payload: Any) -> bool:
        """Returns whether a hint with this payload is for this client."""
        raise NotImplementedError

    def offer_hint(self, payload: Any, frame: str) -> None:
        if self.wants_hint(payload):
            self.on_hint(frame)

    async def post_authentication(self) -> None:
        _consumers_of(self.hints_group).add(self)
        await current_hub().listen(self.hints_group, partial(_deliver, self.hints_group))

    def _detach(self) -> None:
        super()._detach()
        _consumers_of(self.hints_group).discard(self)


_consumers: PerLoop[defaultdict[str, set[SelectiveConsumer]]] = PerLoop(lambda: defaultdict(set))


def _consumers_of(group: str) -> set[SelectiveConsumer]:
    return _consumers.current()[group]


def _deliver(group: str, frame: str) -> None:
    payload = json.loads(frame)["payload"]
    for_each(_consumers_of(group), lambda consumer: consumer.offer_hint(payload, frame))
