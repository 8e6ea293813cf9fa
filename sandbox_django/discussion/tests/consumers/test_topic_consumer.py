"""Tests the topic's consumer in the style of chanx. The complete tests are in `discussion/tests/test_sockets.py`."""

from chanx.constants import EVENT_ACTION_COMPLETE
from chanx.messages.incoming import PingMessage
from chanx.messages.outgoing import PongMessage

from discussion.consumers.topic_consumer import TopicConsumer
from discussion.factories import DiscussionReplyFactory
from discussion.groups import topic_feed
from discussion.messages.discussion import ReplyCreated
from test_utils.testing import WebsocketTestCase


class TestTopicConsumer(WebsocketTestCase):
    consumer = TopicConsumer

    def setUp(self) -> None:
        super().setUp()
        self.reply = DiscussionReplyFactory.create()
        self.topic = self.reply.topic
        self.ws_path = f"/ws/discussion/{self.topic.pk}/"

    async def test_connect_and_ping(self) -> None:
        await self.auth_communicator.connect()
        await self.auth_communicator.assert_authenticated_status_ok()

        await self.auth_communicator.send_message(PingMessage())

        assert await self.auth_communicator.receive_all_messages() == [PongMessage()]

    async def test_visitor_is_refused(self) -> None:
        communicator = self.create_communicator(headers=[])

        await communicator.connect()

        authentication = await communicator.wait_for_auth()
        assert authentication is not None
        assert authentication.payload.status_code == 401
        await communicator.assert_closed()

    async def test_reply_created(self) -> None:
        await self.auth_communicator.connect()
        await self.auth_communicator.assert_authenticated_status_ok()
        event = ReplyCreated.of(self.reply)

        await TopicConsumer.broadcast_event(event, [topic_feed(self.topic.pk)])

        messages = await self.auth_communicator.receive_all_messages(stop_action=EVENT_ACTION_COMPLETE)
        assert messages == [event]
