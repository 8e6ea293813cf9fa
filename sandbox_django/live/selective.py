"""Hints for some subscribers only: sent once to each process, which selects the sockets."""

import json
from collections import defaultdict
from functools import partial
from typing import Any, ClassVar

from live.consumer import LiveConsumer
from live.hub import current_hub
from live.local_feed import for_each
from runtime.per_loop import PerLoop


class SelectiveConsumer(LiveConsumer):
    """A consumer that also receives those hints of a group that concern its client.

    Frequent changes that interest few clients would be too much for a feed that all share, and separate messages to
    each client would be too many.
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
