"""A test case that opens sockets to the application as the server runs it, and sends requests to the API."""

import json
from functools import partial
from typing import Any

from asgiref.sync import sync_to_async
from chanx.channels.testing import DjangoWebsocketCommunicator
from chanx.channels.testing import WebsocketTestCase as ChanxWebsocketTestCase
from chanx.constants import COMPLETE_ACTIONS, EVENT_ACTION_COMPLETE
from rest_framework.test import APIClient

from accounts.factories.user import UserFactory
from accounts.models import User
from test_utils.auth_api_test_case import auth_headers, ws_headers
from test_utils.channel_events import allow_broadcasts

TIMEOUT = 5.0  # seconds that a test waits for a frame

EVENT_COMPLETE = f'{{"action":"{EVENT_ACTION_COMPLETE}"}}'
# Frames about the socket itself, and replies to the client's frames.
NO_EVENTS = {"authentication", "resync", "error", "pong", *COMPLETE_ACTIONS}


class Page:
    """An open socket of a browser page or a program."""

    def __init__(self, communicator: DjangoWebsocketCommunicator) -> None:
        self.communicator = communicator
        self._ahead: str | None = None  # a frame that `receives_nothing` has found

    async def receive(self) -> dict[str, Any]:
        """Returns the next frame. Skips completion markers, which only tests with chanx's communicators need."""
        text, self._ahead = self._ahead or EVENT_COMPLETE, None
        while text == EVENT_COMPLETE:
            text = await self.communicator.receive_from(TIMEOUT)
        frame: dict[str, Any] = json.loads(text)
        return frame

    async def receive_until(self, action: str) -> list[dict[str, Any]]:
        """Returns all frames up to and including the next frame with this action."""
        frames = [await self.receive()]
        while frames[-1]["action"] != action:
            frames.append(await self.receive())
        return frames

    async def receives_nothing(self) -> bool:
        while self._ahead is None and not await self.communicator.receive_nothing():
            output = await self.communicator.receive_output(TIMEOUT)
            if "text" not in output:
                return False  # closed
            if output["text"] != EVENT_COMPLETE:
                self._ahead = output["text"]
        return self._ahead is None

    async def send(self, text: str) -> None:
        await self.communicator.send_to(text_data=text)

    async def close_code(self) -> int:
        """Waits until the server closes the socket, and returns the code."""
        while (output := await self.communicator.receive_output(TIMEOUT))["type"] != "websocket.close":
            pass
        code: int = output["code"]
        return code

    async def leave(self) -> None:
        await self.communicator.disconnect()


class SocketTestCase(ChanxWebsocketTestCase):
    """Opens sockets, and closes them in the test's own event loop when the test ends.

    Tests may also use chanx's communicators: they call `assert_authenticated_status_ok()` after `connect()`, and read a
    feed's events with `receive_all_messages(stop_action=EVENT_ACTION_COMPLETE)`.
    """

    ignored_actions: frozenset[str] = frozenset()  # communicators drop frames with these actions

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.enterClassContext(allow_broadcasts())

    def create_communicator(self, **options: Any) -> DjangoWebsocketCommunicator:
        """Creates a communicator that receives `event_complete` after each event. Only sockets of tests receive this
        marker.
        """
        communicator = super().create_communicator(**options)
        communicator.application = partial(_with_completions, communicator.application, self.ignored_actions)
        return communicator

    async def open_socket(
        self,
        path: str,
        *,
        by: User | None = None,
        headers: list[tuple[bytes, bytes]] | None = None,
        address: str = "127.0.0.1",
    ) -> Page:
        """Opens a socket as a program does, with the `Authorization` header of `by`, or with exactly `headers` if they
        are given. The first frame is left to read.
        """
        if headers is None:
            headers = await sync_to_async(ws_headers)(by) if by else []
        communicator = self.create_communicator(ws_path=path, headers=headers)
        communicator.scope["client"] = (address, 50_000)
        await communicator.connect(TIMEOUT)
        return Page(communicator)

    async def open_page(self, path: str, *, by: User | None = None) -> Page:
        """Opens a socket and checks that its authentication succeeded."""
        page = await self.open_socket(path, by=by)
        first = await page.receive()
        assert first["action"] == "authentication"
        assert first["payload"]["statusCode"] == 200, first
        return page

    async def request(self, method: str, path: str, data: Any = None, *, by: User | None = None) -> Any:
        """Sends a request to the API and returns the response of Django's test client, which has `json()`."""

        def send() -> Any:
            headers = auth_headers(by) if by else {}
            return getattr(APIClient(), method.lower())(path, data, headers=headers)

        return await sync_to_async(send)()


class WebsocketTestCase(SocketTestCase):
    """A `SocketTestCase` in the style of chanx's sandbox, with a signed-in `user` and their `auth_communicator`.

    class TestChatDetailConsumer(WebsocketTestCase):
        consumer = ChatDetailConsumer

        def setUp(self) -> None:
            super().setUp()
            self.room = ChatMemberFactory.create(user=self.user).group_chat
            self.ws_path = f"/ws/chat/{self.room.pk}/"
    """

    # Presence can arrive at any time, and these tests compare whole lists of messages.
    ignored_actions = frozenset({"presence"})

    user: User

    def create_communicator(self, **options: Any) -> DjangoWebsocketCommunicator:
        communicator = super().create_communicator(**options)
        # Events that a test broadcasts have no feed and no sequence number, so they aren't compared with the AsyncAPI
        # document.
        communicator.scope["has_invented_events"] = True
        # chanx waits half a second, which isn't enough on a busy machine.
        for wait in (communicator.wait_for_auth, communicator.assert_authenticated_status_ok):
            setattr(communicator, wait.__name__, partial(wait, max_auth_time=TIMEOUT))
        return communicator

    def get_ws_headers(self) -> list[tuple[bytes, bytes]]:
        self.user, headers = self.create_user_and_ws_headers()
        return headers

    def create_user_and_ws_headers(self) -> tuple[User, list[tuple[bytes, bytes]]]:
        """Returns a new user and the headers with which they open a socket."""
        user = UserFactory.create()
        return user, ws_headers(user)

    async def acreate_user_and_ws_headers(self) -> tuple[User, list[tuple[bytes, bytes]]]:
        return await sync_to_async(self.create_user_and_ws_headers)()


async def _with_completions(
    application: Any, ignored_actions: frozenset[str], scope: Any, receive: Any, send: Any
) -> None:
    async def send_completed(message: dict[str, Any]) -> None:
        action = json.loads(message["text"])["action"] if message["type"] == "websocket.send" else None
        if action in ignored_actions:
            return
        await send(message)
        if action is not None and action not in NO_EVENTS:
            await send({"type": "websocket.send", "text": EVENT_COMPLETE})

    await application(scope, receive, send_completed)
