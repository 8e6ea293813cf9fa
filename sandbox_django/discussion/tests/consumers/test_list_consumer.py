"""Tests the consumer of topic lists in chanx's style. The complete tests are in `discussion/tests/test_sockets.py`."""

from chanx.constants import EVENT_ACTION_COMPLETE
from chanx.messages.incoming import PingMessage
from chanx.messages.outgoing import PongMessage

from discussion.consumers.list_consumer import TopicListConsumer
from discussion.factories import DiscussionTopicFactory
from discussion.groups import LIST
from discussion.messages.discussion import TopicCreated
from test_utils.testing import WebsocketTestCase


class TestTopicListConsumer(WebsocketTestCase):
    consumer = TopicListConsumer
    ws_path = "/ws/discussion/"

    def setUp(self) -> None:
        super().setUp()
        self.event = TopicCreated.of(DiscussionTopicFactory.create())

    async def test_connect_and_ping(self) -> None:
        await self.auth_communicator.connect()
        await self.auth_communicator.assert_authenticated_status_ok()

        await self.auth_communicator.send_message(PingMessage())

        assert await self.auth_communicator.receive_all_messages() == [PongMessage()]

    async def test_topic_created(self) -> None:
        await self.auth_communicator.connect()
        await self.auth_communicator.assert_authenticated_status_ok()

        await TopicListConsumer.broadcast_event(self.event, [LIST])

        messages = await self.auth_communicator.receive_all_messages(stop_action=EVENT_ACTION_COMPLETE)
        assert messages == [self.event]
