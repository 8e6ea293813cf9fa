"""Tests the question box: it never loses text, and explains why a question can't be sent."""

import re

from playwright.sync_api import Page, WebSocketRoute, expect

from test_utils.openai_test_utils import FakeOpenAI, Gate, streams
from tests.browser.steps import ask, be_live, start_conversation

TITLE = streams("Cooking rice")


def test_draft_is_still_there_after_a_reload_and_only_where_it_was_written(page: Page, model: FakeOpenAI) -> None:
    model.script(streams("Twelve minutes."), TITLE, streams("Longer."))
    start_conversation(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("Cooking rice")
    conversation = page.url
    page.get_by_label("Your question").fill("And brown\nrice?")

    page.goto("/assistants/")
    expect(page.get_by_label("Your question")).to_have_value("")
    page.get_by_label("Your question").fill("Something else")
    page.goto(conversation)
    expect(page.get_by_label("Your question")).to_have_value("And brown\nrice?")
    be_live(page)
    page.get_by_label("Your question").press("Enter")
    expect(page.get_by_text("Longer.")).to_be_visible()
    expect(page.get_by_label("Your question")).to_have_value("")
    page.reload()

    be_live(page)
    expect(page.get_by_label("Your question")).to_have_value("")
    page.goto("/assistants/")
    expect(page.get_by_label("Your question")).to_have_value("Something else")


def test_draft_of_a_first_question_is_gone_once_it_has_arrived(page: Page, model: FakeOpenAI) -> None:
    model.script(streams("Twelve minutes."), TITLE)
    start_conversation(page)
    expect(page.get_by_text("Twelve minutes.")).to_be_visible()

    page.goto("/assistants/")

    expect(page.get_by_role("heading", name="What would you like to know?")).to_be_visible()
    expect(page.get_by_label("Your question")).to_have_value("")


def test_users_over_the_limit_see_the_time_to_retry(page: Page, model: FakeOpenAI) -> None:
    model.script(streams("Twelve minutes."), TITLE)
    start_conversation(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("Cooking rice")
    throttled = '{"type":"client_error","errors":[{"code":"throttled","detail":"Too many requests.","attr":null}]}'
    page.route(
        re.compile("/messages/$"),
        lambda route: route.fulfill(
            status=429, headers={"Retry-After": "30", "Content-Type": "application/json"}, body=throttled
        ),
    )

    ask(page, "And brown rice?")

    expect(page.get_by_role("alert")).to_contain_text(re.compile(r"You can send again (at|on) .*\d\d:\d\d"))
    expect(page.get_by_label("Your question")).to_have_value("And brown rice?")
    page.unroute_all()
    page.get_by_label("Your question").press("Enter")
    expect(page.locator(".message--question").last).to_contain_text("And brown rice?")
    expect(page.get_by_role("alert")).to_be_hidden()


def test_question_asked_without_a_connection_stays_in_the_box(page: Page, model: FakeOpenAI) -> None:
    model.script(streams("Twelve minutes."), TITLE, streams("Longer."))
    start_conversation(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("Cooking rice")
    page.context.set_offline(True)

    ask(page, "And brown rice?")

    expect(page.get_by_role("alert")).to_contain_text("No connection. Nothing was sent")
    expect(page.get_by_label("Your question")).to_have_value("And brown rice?")
    page.context.set_offline(False)
    page.get_by_label("Your question").press("Enter")
    expect(page.get_by_text("Longer.")).to_be_visible()
    expect(page.locator(".message--question")).to_have_count(2)


def test_page_shows_that_it_is_reconnecting_only_after_some_seconds(page: Page, model: FakeOpenAI) -> None:
    page.clock.install()
    model.script(streams("Twelve minutes."), TITLE)
    sockets: list[WebSocketRoute] = []

    def let_one_in(socket: WebSocketRoute) -> None:
        sockets.append(socket)
        if len(sockets) == 1:
            socket.connect_to_server()

    page.route_web_socket(re.compile("/ws/assistants/"), let_one_in)
    start_conversation(page)
    state = page.locator("[data-state]")

    sockets[0].close(code=1012)
    page.clock.fast_forward(4_000)
    expect(state).to_have_text("Live")
    page.clock.fast_forward(2_000)

    expect(state).to_have_text("Reconnecting…")
    expect(page.locator("[data-announcements]")).to_have_text("Reconnecting…")


def test_line_breaks_and_unfinished_words_are_not_sent(page: Page, model: FakeOpenAI) -> None:
    model.script(streams("Twelve minutes."), TITLE)
    page.goto("/assistants/")
    box = page.get_by_label("Your question")
    box.fill("How")
    height = box.evaluate("box => box.clientHeight")

    box.press("Shift+Enter")
    box.press_sequentially("long?")
    box.dispatch_event("keydown", {"key": "Enter", "isComposing": True})

    expect(box).to_have_value("How\nlong?")
    assert box.evaluate("box => box.clientHeight") > height
    expect(page).to_have_url(re.compile("/assistants/$"))


def test_a_suggestion_never_overwrites_what_was_typed_and_can_be_undone(page: Page, model: FakeOpenAI) -> None:
    page.goto("/assistants/")
    box = page.get_by_label("Your question")
    first, second = page.locator("[data-example]").nth(0), page.locator("[data-example]").nth(1)

    first.click()
    expect(box).to_have_value(first.inner_text())
    second.click()
    expect(box).to_have_value(second.inner_text())

    box.fill("My own question")
    first.click()
    expect(box).to_have_value(f"My own question\n{first.inner_text()}")
    box.press("Control+z")
    expect(box).to_have_value("My own question")


def test_after_the_first_question_one_can_go_on_typing(page: Page, model: FakeOpenAI) -> None:
    model.script(streams("Twelve minutes."), TITLE, streams("Longer."))
    start_conversation(page)
    expect(page.get_by_text("Twelve minutes.")).to_be_visible()

    expect(page.get_by_label("Your question")).to_be_focused()
    page.keyboard.type("And brown rice?")
    page.keyboard.press("Enter")

    expect(page.get_by_text("Longer.")).to_be_visible()


def test_the_hint_to_wait_disappears_when_the_answer_ends(page: Page, model: FakeOpenAI) -> None:
    gate = Gate()
    model.script(streams("Twelve ", gate, "minutes."), TITLE)
    start_conversation(page)
    expect(page.get_by_text("Twelve")).to_be_visible()

    page.get_by_label("Your question").fill("And brown rice?")
    page.get_by_label("Your question").press("Enter")
    expect(page.get_by_role("alert")).to_have_text("Wait for the answer to finish, or stop it.")
    gate.open()

    expect(page.get_by_text("Twelve minutes.")).to_be_visible()
    expect(page.get_by_role("alert")).to_be_hidden()
    expect(page.get_by_label("Your question")).to_have_value("And brown rice?")


def test_the_home_page_leads_to_the_documentation_of_the_api(page: Page) -> None:
    for name, path in (("REST API", "/api/schema/swg/"), ("WebSocket API", "/asyncapi/")):
        page.goto("/")
        page.get_by_role("link", name=name).click()
        expect(page).to_have_url(re.compile(f"{path}$"))
