import asyncio
import json
from typing import Any
from weakref import WeakKeyDictionary, WeakSet

from chanx.core.decorators import channel, ws_handler

from core.live.consumer import LiveConsumer
from core.live.hub import current_hub
from discussion.groups import ACTIVITY, LIST
from discussion.messages.discussion import (
    AnswerAccepted,
    AnswerUnaccepted,
    ShowTopics,
    TopicActivity,
    TopicCreated,
    TopicDeleted,
    TopicUpdated,
    VoteUpdated,
)


@channel(name="topics", description="The list of topics, live", tags=["discussion"])
class TopicListConsumer(LiveConsumer):
    """Keeps an open list of topics up to date.

    What happens seldom is in the list's feed. Votes and replies are hints, one for each process, which gives them to
    the lists that show the topic: whoever looks at twenty topics need not hear of all.
    """

    emits = [
        TopicCreated,
        TopicUpdated,
        TopicDeleted,
        AnswerAccepted,
        AnswerUnaccepted,
        VoteUpdated,
        TopicActivity,
    ]

    shown: frozenset[int] | None = None  # ids; None until the list has said

    def feed(self) -> str:
        return LIST

    async def post_authentication(self) -> None:
        _open_lists().add(self)
        await current_hub().listen(ACTIVITY, tell_whom_it_concerns)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            _open_lists().discard(self)

    @ws_handler(summary="I show these topics")
    async def show_topics(self, message: ShowTopics) -> None:
        self.shown = frozenset(message.payload.topic_ids)


_lists: "WeakKeyDictionary[asyncio.AbstractEventLoop, WeakSet[TopicListConsumer]]" = WeakKeyDictionary()


def _open_lists() -> "WeakSet[TopicListConsumer]":
    return _lists.setdefault(asyncio.get_running_loop(), WeakSet())


def tell_whom_it_concerns(frame: str) -> None:
    """Give a hint about a topic to the open lists that show it."""
    about = json.loads(frame)["payload"]
    topic_id = about.get("topicId", about.get("targetId"))
    for page in tuple(_open_lists()):
        if page.shown is None or topic_id in page.shown:
            page.take_hint(frame)
