"""Code that the examples share. It repeats requests that fail, and reopens sockets that are disconnected."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import httpx
from pydantic import ValidationError
from sandbox_client.base.client import BaseClient
from sandbox_client.shared.messages import AuthenticationMessage, ResyncMessage
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

WAITS = (0.1, 0.5, 1, 2, 4, 8, 16)  # seconds before each retry

# After these closing codes, reconnecting is useless. After any other code, or none, the client reconnects.
SIGNED_OUT = 4401
FINAL = {4400, SIGNED_OUT, 4403, 4404}
TOO_OFTEN = 4429


class Refused(Exception):
    """The site refused the request, and would refuse it again if it were repeated."""


class Sandbox:
    """A connection to the site, as a visitor or as a signed-in user."""

    def __init__(self, url: str, *, email: str = "", password: str = "") -> None:
        self._http = httpx.AsyncClient(base_url=url)
        self._socket_url = url.replace("http", "ws", 1)
        self._credentials = {"email": email, "password": password}
        self._refresh_token = ""
        self._headers: dict[str, str] = {}  # contain the access token after sign_in()

    async def sign_in(self) -> Any:
        """Gets a new token, which is valid for 15 minutes. Uses the refresh token, or the password if that token is
        refused.
        """
        self._headers = {}
        response = None
        if self._refresh_token:
            response = await self._send("POST", "/api/accounts/token/refresh/", {"refresh": self._refresh_token})
        if response is None or response.is_error:
            response = await self._send("POST", "/api/accounts/login/", self._credentials)
        tokens = _answer_of(response)
        self._refresh_token = tokens["refresh"]
        self._headers = {"Authorization": f"Bearer {tokens['access']}"}

    async def get(self, path: str) -> httpx.Response:
        response = await self._ask("GET", path)
        _answer_of(response)
        return response

    async def post(self, path: str, data: Any = None, *, key: str = "") -> Any:
        """Sends a request until it succeeds. With a key, the server executes repeated requests only once, and repeats
        its first response.
        """
        return _answer_of(await self._ask("POST", path, data, key=key))

    async def follow(self, channel: type[BaseClient], *, since: int, **place: Any) -> AsyncIterator[Any]:
        """Yields the events of a channel after the sequence number `since`, each once and in order. Reconnects as often
        as needed.
        """
        attempts, is_renewed = 0, False
        while True:
            client = channel(self._socket_url, path_params=place)
            socket = None
            with suppress(OSError, InvalidHandshake, TimeoutError, ConnectionClosed):
                async with connect(f"{client.url}?since={since}", additional_headers=self._headers) as socket:
                    async for text in socket:
                        try:
                            message = client.incoming_message_adapter.validate_json(text)
                        except ValidationError:
                            continue  # this version of the client doesn't know the event
                        if isinstance(message, AuthenticationMessage) and message.payload.statusCode == 200:
                            attempts, is_renewed = 0, False
                        yield message
                        if isinstance(message, ResyncMessage):
                            since = message.payload.seq
                        since = getattr(message, "seq", since)
            code = socket.close_code if socket else None
            if code == SIGNED_OUT and self._headers and not is_renewed:
                await self.sign_in()
                is_renewed = True
            elif code in FINAL:
                raise Refused(f"The socket was closed with {code}.")
            else:
                wait = 30 if code == TOO_OFTEN else WAITS[min(attempts, len(WAITS) - 1)]
                await asyncio.sleep(wait * random.uniform(0.5, 1.5))  # clients must not all reconnect at once
                attempts += 1

    async def _ask(self, method: str, path: str, data: Any = None, *, key: str = "") -> httpx.Response:
        response = await self._send(method, path, data, key=key)
        if response.status_code == 401 and self._headers:
            await self.sign_in()
            response = await self._send(method, path, data, key=key)
        return response

    async def _send(self, method: str, path: str, data: Any = None, *, key: str = "") -> httpx.Response:
        headers = self._headers | ({"Idempotency-Key": key} if key else {})
        for wait in WAITS:
            with suppress(httpx.TransportError):
                response = await self._http.request(method, path, json=data, headers=headers)
                if response.status_code != 429 and response.status_code < 500:
                    return response
            await asyncio.sleep(wait * random.uniform(0.5, 1.5))
        raise Refused("The site doesn't answer.")


def _answer_of(response: httpx.Response) -> Any:
    if response.is_error:
        raise Refused(f"{response.status_code} {response.text}")
    return response.json()
