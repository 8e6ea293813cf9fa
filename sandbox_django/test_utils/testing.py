"""The socket test case: real requests, real sockets, the application as the server runs it."""

import json
from typing import Any

from asgiref.sync import sync_to_async
from chanx.channels.testing import DjangoWebsocketCommunicator
from chanx.channels.testing import WebsocketTestCase as ChanxWebsocketTestCase
from rest_framework.test import APIClient

from accounts.models import User
from test_utils.auth_api_test_case import auth_headers, ws_headers

PATIENCE = 5.0  # seconds that a test waits for what must come


class Page:
    """An open socket, as a browser or a program has it."""

    def __init__(self, communicator: DjangoWebsocketCommunicator) -> None:
        self.communicator = communicator

    async def hear(self) -> dict[str, Any]:
        """The next frame."""
        frame: dict[str, Any] = json.loads(await self.communicator.receive_from(PATIENCE))
        return frame

    async def hear_until(self, action: str) -> list[dict[str, Any]]:
        """All frames up to and with the next one of this action."""
        frames = [await self.hear()]
        while frames[-1]["action"] != action:
            frames.append(await self.hear())
        return frames

    async def hears_nothing(self) -> bool:
        return bool(await self.communicator.receive_nothing())

    async def say(self, text: str) -> None:
        await self.communicator.send_to(text_data=text)

    async def close_code(self) -> int:
        """Wait until the server closes the socket."""
        while (output := await self.communicator.receive_output(PATIENCE))["type"] != "websocket.close":
            pass
        code: int = output["code"]
        return code

    async def leave(self) -> None:
        await self.communicator.disconnect()


class WebsocketTestCase(ChanxWebsocketTestCase):
    """Opens pages; they are left at the end of the test's own event loop, not after it."""

    async def open_socket(
        self,
        path: str,
        *,
        by: User | None = None,
        headers: list[tuple[bytes, bytes]] | None = None,
        address: str = "127.0.0.1",
    ) -> Page:
        """Open a socket by header, as a program does, or with just these headers; its first frame is still to come."""
        if headers is None:
            headers = await sync_to_async(ws_headers)(by) if by else []
        communicator = self.create_communicator(ws_path=path, headers=headers)
        communicator.scope["client"] = (address, 50_000)
        await communicator.connect(PATIENCE)
        return Page(communicator)

    async def open_page(self, path: str, *, by: User | None = None) -> Page:
        """Open a socket that is let in."""
        page = await self.open_socket(path, by=by)
        first = await page.hear()
        assert first["action"] == "authentication"
        assert first["payload"]["statusCode"] == 200, first
        return page

    async def request(self, method: str, path: str, data: Any = None, *, by: User | None = None) -> Any:
        """One request to the API; gives Django's response, with `json()`."""

        def send() -> Any:
            headers = auth_headers(by) if by else {}
            return getattr(APIClient(), method.lower())(path, data, headers=headers)

        return await sync_to_async(send)()
