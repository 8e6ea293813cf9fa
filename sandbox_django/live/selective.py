"""Hints for some listeners only: sent once for each process, which knows whom they concern."""

import json
from collections import defaultdict
from functools import partial
from typing import Any, ClassVar

from live.consumer import LiveConsumer
from live.hub import current_hub
from runtime.per_loop import PerLoop


class SelectiveConsumer(LiveConsumer):
    """A consumer that hears, besides its feed, those hints of a group that concern it.

    What happens often, in places that few are interested in, would be too much for a feed that all share, and too many
    messages if each listener were told.
    """

    hints_group: ClassVar[str]

    def concerns(self, about: Any) -> bool:
        """Whether a hint with this payload is for this browser."""
        raise NotImplementedError

    async def post_authentication(self) -> None:
        _open(self.hints_group).add(self)
        await current_hub().listen(self.hints_group, partial(_tell, self.hints_group))

    def _leave(self) -> None:
        super()._leave()
        _open(self.hints_group).discard(self)


_consumers: PerLoop[defaultdict[str, set[SelectiveConsumer]]] = PerLoop(lambda: defaultdict(set))


def _open(group: str) -> set[SelectiveConsumer]:
    return _consumers.current()[group]


def _tell(group: str, frame: str) -> None:
    about = json.loads(frame)["payload"]
    for consumer in tuple(_open(group)):
        if consumer.concerns(about):
            consumer.take_hint(frame)
