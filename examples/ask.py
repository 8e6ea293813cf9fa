"""Asks the assistant and prints the answer while it is being written: python examples/ask.py "Why is the sea salty?"

The program asks as a visitor, or as the user that SANDBOX_EMAIL and SANDBOX_PASSWORD name. SANDBOX_URL is the site's
address. The exit code is 0 if the answer is complete, 1 if there is none, 3 if it was cut short, 4 if it was stopped,
and 5 if it failed. In each case, the text that has arrived is printed.
"""

import asyncio
import os
import sys
import uuid
from typing import Any

from sandbox import Refused, Sandbox
from sandbox_client.assistants import (
    AssistantErrorMessage,
    AssistantsClient,
    CompleteStreamingMessage,
    StreamingMessage,
)
from sandbox_client.shared.messages import ResyncMessage

URL = os.environ.get("SANDBOX_URL", "http://127.0.0.1:8000")
EMAIL, PASSWORD = os.environ.get("SANDBOX_EMAIL", ""), os.environ.get("SANDBOX_PASSWORD", "")

WHOLE, NONE, CUT_SHORT, STOPPED, FAILED = 0, 1, 3, 4, 5


class Printed:
    """Prints an answer, and keeps track of how much of it has been printed."""

    def __init__(self) -> None:
        self._length = 0  # characters, which Python and the server count in the same way

    def show(self, content: str, *, offset: int = 0) -> None:
        """Prints the part of a chunk that is new. After a reconnect, the server sends the answer from its start."""
        print(content[self._length - offset :], end="", flush=True)
        self._length = max(self._length, offset + len(content))


async def ask(question: str) -> int:
    sandbox = Sandbox(URL, email=EMAIL, password=PASSWORD)
    conversations = "/api/assistants/anonymous/"
    if EMAIL:
        await sandbox.sign_in()
        conversations = "/api/assistants/conversations/"
    conversation = await sandbox.post(conversations, key=str(uuid.uuid4()))
    messages = f"{conversations}{conversation['id']}/messages/"
    asked = await sandbox.post(messages, {"content": question}, key=str(uuid.uuid4()))

    printed = Printed()
    async for message in sandbox.follow(AssistantsClient, pk=conversation["id"], since=0):
        match message:
            case StreamingMessage(payload=chunk):
                printed.show(chunk.content, offset=chunk.offset)
            case CompleteStreamingMessage(payload=end):
                return STOPPED if end.status == "stopped" else CUT_SHORT if end.error else WHOLE
            case AssistantErrorMessage(payload=failure):
                print(f"\n{failure.content}", file=sys.stderr)
                return FAILED
            case ResyncMessage() if answer := await stored_answer(sandbox, messages, asked["id"]):
                # The log no longer contains the end message of the answer, but the server has stored the answer.
                printed.show(answer["content"])
                if answer["status"] != "streaming":
                    return {"complete": WHOLE, "stopped": STOPPED, "failed": FAILED}[answer["status"]]
    raise AssertionError("A socket that comes back has no end.")


async def stored_answer(sandbox: Sandbox, messages: str, question_id: int) -> Any:
    listed = (await sandbox.get(messages)).json()["results"]
    return next((message for message in listed if message.get("questionId") == question_id), None)


if __name__ == "__main__":
    try:
        code = asyncio.run(ask(" ".join(sys.argv[1:]) or "What are you?"))
        print()
    except Refused as refusal:
        print(refusal, file=sys.stderr)
        code = NONE
    sys.exit(code)
