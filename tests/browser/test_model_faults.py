"""Failures of the model: the page explains each one, the row keeps the text so far, and the user can continue.

docs/model-faults.md lists the failures in a table. If a text has changed, the test fails and prints the new table.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from test_utils.openai_test_utils import (
    SECRET,
    FakeOpenAI,
    Reply,
    disconnects,
    hangs,
    refuses,
    sends,
    sends_error,
    streams,
)
from test_utils.servers import free_port
from tests.browser.steps import start_conversation
from tests.servers import ROOT, Server

TABLE = ROOT / "docs" / "model-faults.md"

WHOLE = {"choices": [{"message": {"content": "Twelve minutes"}, "finish_reason": "stop"}]}
REASONING = b'data: {"choices": [{"delta": {"reasoning_content": "Rice?"}}]}\n\n'


def delta(content: str, finish_reason: str | None = None) -> bytes:
    choice = {"delta": {"content": content}, "finish_reason": finish_reason}
    return b"data: " + json.dumps({"choices": [choice]}).encode() + b"\n\n"


REFUSALS: dict[str, Reply] = {
    "401: it does not accept the key": refuses(401, "invalid_api_key"),
    "403: it does not let this key in": refuses(403),
    "404: it does not know the model": refuses(404, "model_not_found"),
    "429: too many questions": refuses(429, "rate_limit_exceeded"),
    "429: the account is used up": refuses(429, "insufficient_quota"),
    "500": refuses(500),
    "503: overloaded": refuses(503),
    "400: the conversation is too long": refuses(400, "context_length_exceeded"),
    "400: the content filter refuses the question": refuses(400, "content_filter"),
    "400: it does not like the request": refuses(400),
}
BREAKS: dict[str, Reply] = {
    "never sends so much as a header": hangs(),
    "falls silent in mid-answer": hangs("Twelve ", "minu"),
    "hangs up before it answers": disconnects(),
    "hangs up in mid-answer": disconnects("Twelve ", "minu"),
    "sends an error in mid-answer": Reply(("Twelve ", "minu", sends_error())),
    "ends with nothing said": streams(),
    "sends nonsense in place of JSON": Reply((b"data: {nonsense\n\n",)),
    "is cut short by its content filter": streams("Twelve ", "minu", finish_reason="content_filter"),
    "stops at its own limit of tokens": streams("Twelve ", "minu", finish_reason="length"),
}
ODDITIES: dict[str, Reply] = {
    "reports an error as the reason for its end": streams("Twelve ", "minu", finish_reason="error"),
    "sends an error in place of a stream": Reply(error={"error": {"message": SECRET, "code": "insufficient_quota"}}),
    "ends its stream without a finish reason": sends(delta("Twelve minutes"), b"data: [DONE]\n\n"),
    "does not end its last event": sends(delta("Twelve "), delta("minutes", "stop").rstrip()),
    "does not stream although it was asked to": Reply(error=WHOLE),
    "reasons in fields and in tags": streams(REASONING, "<think>Rice?</think>", "Twelve minutes"),
    "reports impossible counts of tokens": Reply(
        ("Twelve minutes",), usage={"prompt_tokens": 1, "completion_tokens": -35}
    ),
    "only refuses": streams(b'data: {"choices": [{"delta": {"refusal": "I will not say."}}]}\n\n'),
}

ROW = """async () => {
    const { messagesUrl } = document.querySelector("[data-conversation]").dataset;
    const { results } = await (await fetch(messagesUrl)).json();
    return results.at(-1);
}"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, model: FakeOpenAI) -> Iterator[Server]:
    """Supplies a server with shorter timeouts for its model than the servers of other tests."""
    # If the model disconnects, the server makes three attempts, with pauses of up to 1.5 s in all. A shorter timeout
    # would sometimes expire during these and change the page's message.
    timeouts = {"OPENAI_FIRST_TOKEN_TIMEOUT": "4", "OPENAI_TOKEN_TIMEOUT": "1"}
    with Server(tmp_path_factory.mktemp("server"), OPENAI_BASE_URL=model.url, **timeouts) as running:
        yield running


@pytest.fixture(scope="module")
def server_alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Supplies a server whose model can't be reached."""
    away = f"http://127.0.0.1:{free_port()}/v1"
    with Server(tmp_path_factory.mktemp("alone"), OPENAI_BASE_URL=away) as running:
        yield running


@pytest.mark.parametrize("faults", [REFUSALS, BREAKS, ODDITIES], ids=["refusals", "breaks", "oddities"])
def test_every_fault_has_a_message_and_the_table_in_the_docs_is_right(
    page: Page, model: FakeOpenAI, faults: dict[str, Reply]
) -> None:
    lines = []
    for fault, reply in faults.items():
        model.script(reply)
        lines.append(line_for(fault, *drive(page)))

    assert_documented(lines)


def test_a_model_that_is_not_there_is_told_in_words(chromium: Browser, server_alone: Server) -> None:
    page = chromium.new_page(base_url=server_alone.url)
    line = line_for("cannot be reached", *drive(page))
    page.close()

    assert_documented([line])


def assert_documented(lines: list[str]) -> None:
    table = "".join(lines)
    assert SECRET not in table
    assert table in TABLE.read_text(), table


def drive(page: Page) -> tuple[str, dict[str, Any]]:
    """Asks a question. Returns the page's text after the answer has ended, its text after a reload, and the row."""
    start_conversation(page)
    expect(page.get_by_role("button", name="Send")).to_be_visible()
    row: dict[str, Any] = page.evaluate(ROW)
    live, reloaded = shown(page), shown_again(page)
    assert live == reloaded, row
    if row["status"] == "failed":
        expect(page.get_by_role("button", name="Try again")).to_be_visible()
    return live, row


def shown(page: Page) -> str:
    answer = page.locator(".message--answer")
    parts = [answer.locator("[data-body]"), answer.locator("[data-words]")]
    return "<br>".join(text for part in parts if (text := part.inner_text().strip()) and part.is_visible())


def shown_again(page: Page) -> str:
    page.reload()
    return shown(page)


def line_for(fault: str, shown: str, row: dict[str, Any]) -> str:
    held = [
        f"`{row['status']}`",
        row["error"] and f"`{row['error']}`",
        repr(row["content"]) if row["content"] else "no text",
    ]
    return f"| {fault} | {shown} | {', '.join(filter(None, held))} |\n"
