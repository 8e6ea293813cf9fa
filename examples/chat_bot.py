"""A bot that replies in a chat room: python examples/chat_bot.py ROOM_ID

The bot uses an ordinary account (SANDBOX_EMAIL, SANDBOX_PASSWORD) that is a member of the room. It replies to messages
that mention it with an @. SANDBOX_URL is the site's address.
"""

import asyncio
import os
import sys
from typing import Any

from sandbox import Refused, Sandbox
from sandbox_client.room import MemberMessage, MessagePayload, RoomClient
from sandbox_client.shared.messages import ResyncMessage

URL = os.environ.get("SANDBOX_URL", "http://127.0.0.1:8000")


def answer_to(message: MessagePayload) -> str:
    """Returns the bot's reply. Replace this function with your own, which must return the same reply for the same
    message.
    """
    return f"@{message.senderName} That were {len(message.content.split())} words."


class Bot:
    def __init__(self, sandbox: Sandbox, room: int) -> None:
        self._sandbox = sandbox
        self._room = room
        self._messages = f"/api/chat/{room}/messages/"
        self._newest = 0  # id of the newest message that the bot has received

    async def run(self) -> None:
        self._me = (await self._sandbox.get("/api/accounts/user/")).json()["id"]
        newest = await self._sandbox.get(f"{self._messages}?limit=1")
        self._newest = max((message["id"] for message in newest.json()["results"]), default=0)
        print(f"Listening in room {self._room}.", flush=True)
        # The server read this number before the messages, so the socket delivers every later message.
        since = int(newest.headers["Feed-Seq"])
        async for message in self._sandbox.follow(RoomClient, pk=self._room, since=since):
            match message:
                case MemberMessage(payload=message):
                    await self._on_message(message)
                case ResyncMessage():  # the server has deleted events that the bot missed
                    await self._catch_up()

    async def _on_message(self, message: MessagePayload) -> None:
        if message.id <= self._newest:
            return
        if self._me in message.mentions and message.userId != self._me:
            # With this key, the server stores only one reply to each message, even after the bot is restarted.
            await self._sandbox.post(self._messages, {"content": answer_to(message)}, key=f"answer to {message.id}")
        self._newest = message.id

    async def _catch_up(self) -> None:
        while missed := await self._page_after(self._newest):
            for message in missed:
                await self._on_message(MessagePayload.model_validate(message))

    async def _page_after(self, message_id: int) -> list[Any]:
        page = await self._sandbox.get(f"{self._messages}?after={message_id}")
        return list(page.json()["results"])


async def main(room: int) -> None:
    sandbox = Sandbox(URL, email=os.environ["SANDBOX_EMAIL"], password=os.environ["SANDBOX_PASSWORD"])
    await sandbox.sign_in()
    await Bot(sandbox, room).run()


if __name__ == "__main__":
    try:
        asyncio.run(main(int(sys.argv[1])))
    except Refused as refusal:
        sys.exit(str(refusal))
    except KeyboardInterrupt:
        pass
