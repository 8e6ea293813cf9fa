"""The conversation's consumer, tested in chanx's own style. The complete tests are in the folder above."""

from chanx.constants import EVENT_ACTION_COMPLETE
from chanx.messages.incoming import PingMessage
from chanx.messages.outgoing import PongMessage

from assistants.consumers.conversation_consumer import ConversationAssistantConsumer
from assistants.factories import AssistantConversationFactory
from assistants.groups import conversation_feed
from assistants.messages.assistant import StreamingMessage
from test_utils.testing import WebsocketTestCase


class TestConversationAssistantConsumer(WebsocketTestCase):
    consumer = ConversationAssistantConsumer

    def setUp(self) -> None:
        super().setUp()
        self.conversation = AssistantConversationFactory.create(user=self.user)
        self.ws_path = f"/ws/assistants/{self.conversation.pk}/"

    async def test_connect_and_ping(self) -> None:
        await self.auth_communicator.connect()
        await self.auth_communicator.assert_authenticated_status_ok()

        await self.auth_communicator.send_message(PingMessage())

        assert await self.auth_communicator.receive_all_messages() == [PongMessage()]

    async def test_conversation_of_another_user_is_refused(self) -> None:
        _, headers = await self.acreate_user_and_ws_headers()
        communicator = self.create_communicator(headers=headers)

        await communicator.connect()

        authentication = await communicator.wait_for_auth()
        assert authentication is not None
        assert authentication.payload.status_code == 404
        await communicator.assert_closed()

    async def test_streaming(self) -> None:
        await self.auth_communicator.connect()
        await self.auth_communicator.assert_authenticated_status_ok()
        payload = {"content": "Hello", "message_id": 1, "reply_id": 2, "offset": 0}
        event = StreamingMessage.model_validate({"payload": payload})

        await ConversationAssistantConsumer.broadcast_event(event, [conversation_feed(self.conversation.pk)])

        messages = await self.auth_communicator.receive_all_messages(stop_action=EVENT_ACTION_COMPLETE)
        assert messages == [event]


class TestAnonymousConversationAssistantConsumer(WebsocketTestCase):
    consumer = ConversationAssistantConsumer

    def setUp(self) -> None:
        super().setUp()
        conversation = AssistantConversationFactory.create(user=None)
        self.ws_path = f"/ws/assistants/{conversation.pk}/"

    async def test_visitor_can_connect(self) -> None:
        communicator = self.create_communicator(headers=[])

        await communicator.connect()

        await communicator.assert_authenticated_status_ok()
