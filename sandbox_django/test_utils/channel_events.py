"""Lets tests send any event to the open sockets of their process, with chanx's `broadcast_event`.

Services publish with `live.feeds.write`, so `LiveConsumer` doesn't allow `broadcast_event`. Tests in the style of
chanx's sandbox broadcast events and wait for `event_complete`.
"""

from collections.abc import Collection
from contextlib import AbstractContextManager
from typing import Any
from unittest import mock

from chanx.messages.base import BaseMessage

from live.consumer import LiveConsumer
from live.hub import current_hub


async def broadcast_event(
    cls: type[LiveConsumer], event: BaseMessage, groups: Collection[str] | str | None = None
) -> None:
    """Delivers the event to every socket that subscribes to one of `groups`, without the channel layer."""
    for group in [groups] if isinstance(groups, str) else groups or cls._default_groups():
        for subscriber in current_hub().subscribers(group):
            if isinstance(subscriber, LiveConsumer):
                await subscriber.handle_channel_event({"event_data": event.model_dump(mode="json")})


def allow_broadcasts() -> AbstractContextManager[Any]:
    """Replaces the consumers' `broadcast_event` with the function above."""
    return mock.patch.object(LiveConsumer, "broadcast_event", classmethod(broadcast_event))
