from typing import Any

from chanx.core.decorators import channel, ws_handler

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
from live.selective import SelectiveConsumer


@channel(name="topics", description="The list of topics, live", tags=["discussion"])
class TopicListConsumer(SelectiveConsumer):
    """Keeps an open list of topics up to date.

    Infrequent changes are events of the list's feed. Votes and replies are sent as hints (unnumbered frames). Once a
    list has sent `show_topics`, it receives only the hints of the topics that it displays.
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
    hints_group = ACTIVITY

    shown_topics: frozenset[int] | None = None  # ids; None until the client has sent them

    def feed(self) -> str:
        return LIST

    def wants_hint(self, hint: Any) -> bool:
        return self.shown_topics is None or hint.get("topicId", hint.get("targetId")) in self.shown_topics

    @ws_handler(summary="I show these topics")
    async def show_topics(self, message: ShowTopics) -> None:
        self.shown_topics = frozenset(message.payload.topic_ids)
