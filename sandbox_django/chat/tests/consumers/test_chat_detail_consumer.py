"""Tests the room's consumer in the style of chanx. The complete tests are in `chat/tests/test_room_sockets.py`."""

from chanx.constants import EVENT_ACTION_COMPLETE
from chanx.messages.incoming import PingMessage
from chanx.messages.outgoing import PongMessage

from chat.consumers.chat_detail import ChatDetailConsumer
from chat.factories import ChatMemberFactory
from chat.groups import room_feed
from chat.messages.chat import MemberAdded
from test_utils.testing import WebsocketTestCase


class TestChatDetailConsumer(WebsocketTestCase):
    consumer = ChatDetailConsumer

    def setUp(self) -> None:
        super().setUp()
        self.member = ChatMemberFactory.create(user=self.user)
        self.group_chat = self.member.group_chat
        self.ws_path = f"/ws/chat/{self.group_chat.pk}/"

    async def test_connect_and_ping(self) -> None:
        await self.auth_communicator.connect()
        await self.auth_communicator.assert_authenticated_status_ok()

        await self.auth_communicator.send_message(PingMessage())

        assert await self.auth_communicator.receive_all_messages() == [PongMessage()]

    async def test_user_who_is_not_a_member_is_refused(self) -> None:
        _, headers = await self.acreate_user_and_ws_headers()
        communicator = self.create_communicator(headers=headers)

        await communicator.connect()

        authentication = await communicator.wait_for_auth()
        assert authentication is not None
        assert authentication.payload.status_code == 404
        await communicator.assert_closed()

    async def test_member_added(self) -> None:
        await self.auth_communicator.connect()
        await self.auth_communicator.assert_authenticated_status_ok()
        event = MemberAdded.of(self.member)

        await ChatDetailConsumer.broadcast_event(event, [room_feed(self.group_chat.pk)])

        messages = await self.auth_communicator.receive_all_messages(stop_action=EVENT_ACTION_COMPLETE)
        assert messages == [event]
