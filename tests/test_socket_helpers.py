"""Tests open sockets with chanx's own communicators, at unusual addresses, and with sessions of any engine."""

import json
from typing import Any

from asgiref.sync import sync_to_async
from chanx.constants import EVENT_ACTION_COMPLETE
from django.conf import settings
from django.test import Client, override_settings

from accounts.services.sign_ins import delete_ended_sign_ins
from assistants.consumers.conversation_consumer import ConversationAssistantConsumer
from assistants.factories import AssistantConversationFactory
from chat.consumers.chat_detail import ChatDetailConsumer
from chat.models import GroupChat
from chat.services.messages import post_message
from chat.services.rooms import create_room
from test_utils.auth_api_test_case import ws_headers
from test_utils.testing import SocketTestCase
from test_utils.users import alice

HOST, ORIGIN = (b"host", b"testserver"), (b"origin", b"http://testserver")


class CommunicatorTests(SocketTestCase):
    consumer = ChatDetailConsumer

    def setUp(self) -> None:
        self.alice = alice()
        self.room: GroupChat = create_room(self.alice, title="Rice")
        self.ws_path = f"/ws/chat/{self.room.pk}/"
        super().setUp()

    def get_ws_headers(self) -> list[tuple[bytes, bytes]]:
        return ws_headers(self.alice)

    async def test_events_of_a_feed_are_followed_by_a_completion(self) -> None:
        await self.auth_communicator.connect()
        await self.auth_communicator.assert_authenticated_status_ok()
        await self.auth_communicator.receive_all_messages(stop_action="presence")

        await sync_to_async(post_message)(self.room, content="Hello", by=self.alice)

        received: list[Any] = await self.auth_communicator.receive_all_messages(stop_action=EVENT_ACTION_COMPLETE)
        while [message.action for message in received] == ["presence"] or not received:
            received = await self.auth_communicator.receive_all_messages(stop_action=EVENT_ACTION_COMPLETE)
        assert [message.payload.content for message in received] == ["Hello"]


class AddressTests(SocketTestCase):
    consumer = ChatDetailConsumer

    async def test_an_address_with_a_malformed_id_is_answered_like_one_with_an_unknown_id(self) -> None:
        for path in ("/ws/assistants/7/", "/ws/chat/x/", "/ws/chat/-1/", "/ws/discussion/x/", "/ws/discussion/%00/"):
            with self.subTest(path):
                page = await self.open_socket(path)

                frame = await page.receive()
                assert (frame["action"], frame["payload"]["statusCode"]) == ("authentication", 404)
                assert await page.close_code() == 4404

    async def test_an_address_that_no_socket_has_is_refused_before_it_opens(self) -> None:
        for path in ("/ws/", "/ws/nowhere/", "/ws/chat/x/y/"):
            with self.subTest(path):
                communicator = self.create_communicator(ws_path=path, headers=[])
                assert await communicator.connect() == (False, 4404)


class SurrogateTests(SocketTestCase):
    consumer = ConversationAssistantConsumer

    async def test_half_a_surrogate_pair_is_answered_with_an_error_wherever_it_is(self) -> None:
        conversation = await sync_to_async(AssistantConversationFactory.create)(user=None)
        page = await self.open_page(f"/ws/assistants/{conversation.pk}/")
        half = "\\ud800"
        for frame in (
            f'{{"action": "ping", "ref": "{half}"}}',
            f'{{"action": "{half}"}}',
            f'{{"action": "ping", "payload": {{"{half}": ["{half}"]}}}}',
            f'["{half}"]',
        ):
            with self.subTest(frame):
                await page.send(frame)
                assert (await page.receive())["action"] == "error"

        await page.send(json.dumps({"action": "ping", "ref": "\U0001f375"}))
        assert (await page.receive_until("pong"))[-1]["ref"] == "\U0001f375"


class SessionEngineTests(SocketTestCase):
    """Checks that sockets find sessions in any store that a site may use."""

    consumer = ConversationAssistantConsumer

    async def test_a_socket_is_signed_in_by_a_session_of_any_engine(self) -> None:
        user = await sync_to_async(alice)()
        conversation = await sync_to_async(AssistantConversationFactory.create)(user=user)
        for engine in ("db", "cached_db", "cache", "signed_cookies"):
            with (
                self.subTest(engine),
                override_settings(SESSION_ENGINE=f"django.contrib.sessions.backends.{engine}"),
            ):
                browser = Client()
                response = await sync_to_async(browser.post)("/login", {"username": user.email, "password": "password"})
                assert response.status_code == 302, response.content
                cookie = f"{settings.SESSION_COOKIE_NAME}={browser.cookies[settings.SESSION_COOKIE_NAME].value}"
                headers = [HOST, ORIGIN, (b"cookie", cookie.encode())]

                page = await self.open_socket(f"/ws/assistants/{conversation.pk}/", headers=headers)
                assert (await page.receive())["payload"]["statusCode"] == 200

                await sync_to_async(delete_ended_sign_ins)()
                await sync_to_async(browser.post)("/logout")
                assert await page.close_code() == 4401
