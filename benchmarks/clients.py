"""Sends the load client's requests to the application's public API, or to the bare relay."""

import asyncio
import itertools
import json
import secrets
import sys
from dataclasses import dataclass
from typing import Any, Protocol

import aiohttp


@dataclass(frozen=True, slots=True)
class Place:
    """The URLs of a conversation or a room."""

    socket: str  # the path of the socket's URL
    messages: str  # the URL of the messages
    detail: str  # the URL of the conversation
    token: str = ""
    room: int = 0  # the room's id


class Client(Protocol):
    async def conversation(self) -> Place:
        """Creates an anonymous conversation, which any client that knows its URL can use."""
        ...

    async def own_conversation(self) -> Place:
        """Creates a conversation that belongs to a new user."""
        ...

    async def ask(self, place: Place, question: str) -> None: ...
    async def members_of_a_room(self, count: int) -> list[Place]:
        """Creates a chat room with `count` members. Returns one Place per member, with that member's token."""
        ...

    async def rename(self, place: Place, title: str) -> None: ...
    async def post_message(self, place: Place, words: str) -> None: ...
    async def stored_answer(self, place: Place) -> str | None:
        """Returns the answer that the server has stored. Returns None for the bare relay, which stores no answers."""
        ...


class SandboxClient:
    def __init__(self, server: str, http: aiohttp.ClientSession) -> None:
        self._api = f"{server}/api"
        self._http = http

    async def conversation(self) -> Place:
        made = await self._call("POST", f"{self._api}/assistants/anonymous/")
        detail = f"{self._api}/assistants/anonymous/{made['id']}/"
        return Place(f"/ws/assistants/{made['id']}/", f"{detail}messages/", detail)

    async def own_conversation(self) -> Place:
        password = secrets.token_urlsafe()
        user = {"email": f"{secrets.token_hex(8)}@example.com", "password1": password, "password2": password}
        token = (await self._call("POST", f"{self._api}/accounts/registration/", user))["access"]
        made = await self._call("POST", f"{self._api}/assistants/conversations/", {}, token)
        detail = f"{self._api}/assistants/conversations/{made['id']}/"
        return Place(f"/ws/assistants/{made['id']}/", f"{detail}messages/", detail, token)

    async def ask(self, place: Place, question: str) -> None:
        await self._call("POST", place.messages, {"content": question}, place.token)

    async def members_of_a_room(self, count: int) -> list[Place]:
        command = [sys.executable, "-m", "benchmarks.members", str(count)]
        process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        output, _ = await process.communicate()
        made = json.loads(output)
        detail = f"{self._api}/chat/{made['room']}/"
        path, room = f"/ws/chat/{made['room']}/", made["room"]
        return [Place(path, f"{detail}messages/", detail, token, room) for token in made["tokens"]]

    async def rename(self, place: Place, title: str) -> None:
        await self._call("PATCH", place.detail, {"title": title}, place.token)

    async def post_message(self, place: Place, words: str) -> None:
        await self._call("POST", place.messages, {"content": words}, place.token)

    async def mark_read(self, place: Place, message_id: int) -> None:
        await self._call("POST", f"{place.detail}read/", {"messageId": message_id}, place.token)

    async def fetch_room(self, place: Place) -> None:
        await self._call("GET", place.detail, None, place.token)

    async def stored_answer(self, place: Place) -> str | None:
        messages = (await self._call("GET", place.messages, None, place.token))["results"]
        return str(messages[-1]["content"]) if messages[-1]["status"] == "complete" else None

    async def _call(self, method: str, url: str, body: Any = None, token: str = "") -> Any:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with self._http.request(method, url, json=body, headers=headers) as response:
            if not response.ok:
                raise ConnectionError(f"{method} {url}: {response.status} {await response.text()}")
            return await response.json()


class BareClient:
    def __init__(self, server: str, http: aiohttp.ClientSession) -> None:
        self._server = server
        self._http = http
        self._names = itertools.count()

    async def conversation(self) -> Place:
        name = next(self._names)
        return Place(f"/ws/{name}", f"{self._server}/ask/{name}", f"{self._server}/rename/{name}")

    async def own_conversation(self) -> Place:
        return await self.conversation()

    async def ask(self, place: Place, question: str) -> None:
        await self._post(place.messages, {"content": question})

    async def members_of_a_room(self, count: int) -> list[Place]:
        return [await self.conversation()] * count

    async def rename(self, place: Place, title: str) -> None:
        await self._post(place.detail, {"title": title})

    async def post_message(self, place: Place, words: str) -> None:
        await self._post(place.detail, {"content": words})

    async def stored_answer(self, place: Place) -> str | None:
        return None

    async def _post(self, url: str, body: Any) -> None:
        async with self._http.post(url, json=body) as response:
            await response.read()
