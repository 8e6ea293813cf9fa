"""Tests of the assistant's pages in a browser."""

import re

from playwright.sync_api import Page, Request, WebSocketRoute, expect

from test_utils.openai_test_utils import FakeOpenAI, Gate, disconnects, refuses, streams
from tests.browser.steps import QUESTION, ask, be_live, start_conversation

TITLE = streams("Cooking rice")


def answers(page: Page) -> list[str]:
    return page.locator(".message--answer [data-body]").all_text_contents()


def be_stored(page: Page, text: str) -> None:
    """Waits until the answer's row has this text. The page is up to a second ahead of the row."""
    page.wait_for_function(
        """async (text) => {
            const { messagesUrl } = document.querySelector("[data-conversation]").dataset;
            const { results } = await (await fetch(messagesUrl)).json();
            return results.at(-1).content === text;
        }""",
        arg=text,
    )


def test_visitor_asks_and_sees_the_answer(page: Page, model: FakeOpenAI) -> None:
    model.script(streams("Twelve ", "**minutes**", "."), TITLE)

    start_conversation(page)

    expect(page.locator(".message--question")).to_contain_text(QUESTION)
    expect(page.locator(".message--answer strong")).to_have_text("minutes")
    expect(page.get_by_label("Your question")).to_have_value("")
    expect(page.get_by_role("button", name="Send")).to_be_visible()
    expect(page.get_by_role("button", name="Stop")).to_be_hidden()
    expect(page.get_by_role("heading", level=1)).to_have_text("Cooking rice")
    expect(page).to_have_title(re.compile("^Cooking rice"))


def test_reload_in_mid_answer_keeps_the_text_and_finishes_it_once(page: Page, model: FakeOpenAI) -> None:
    gate = Gate()
    model.script(streams("Twelve 🍚 ", "minutes, ", gate, "or **a little more**."), TITLE)
    start_conversation(page)
    be_stored(page, "Twelve 🍚 minutes, ")

    page.reload()
    be_live(page)
    expect(page.locator(".message--answer [data-body]")).to_have_text("Twelve 🍚 minutes,")
    expect(page.get_by_role("button", name="Stop")).to_be_visible()
    gate.open()

    expect(page.locator(".message--answer strong")).to_have_text("a little more")
    assert answers(page) == ["Twelve 🍚 minutes, or a little more.\n"]
    page.reload()
    assert answers(page) == ["Twelve 🍚 minutes, or a little more.\n"]


def test_two_tabs_show_the_same(page: Page, model: FakeOpenAI) -> None:
    gate = Gate()
    model.script(streams("Twelve minutes."), TITLE, streams("Brown rice ", gate, "takes longer."))
    start_conversation(page)
    expect(page.locator(".message--answer")).to_contain_text("Twelve minutes.")
    other = page.context.new_page()
    other.goto(page.url)
    be_live(other)

    ask(page, "And brown rice?")
    for tab in (page, other):
        expect(tab.locator(".message--question").last).to_contain_text("And brown rice?")
        expect(tab.locator(".message--answer").last).to_contain_text("Brown rice ")
        expect(tab.get_by_role("button", name="Stop")).to_be_visible()
    gate.open()

    for tab in (page, other):
        expect(tab.locator(".message--answer").last).to_contain_text("Brown rice takes longer.")
        expect(tab.get_by_role("button", name="Send")).to_be_visible()
        expect(tab.locator(".message")).to_have_count(4)


def test_answer_is_stopped_from_the_other_tab(page: Page, model: FakeOpenAI) -> None:
    model.script(streams("Twelve ", Gate(), "minutes."), TITLE)
    start_conversation(page)
    other = page.context.new_page()
    other.goto(page.url)
    be_live(other)
    expect(page.locator(".message--answer")).to_contain_text("Twelve ")

    other.get_by_role("button", name="Stop").click()

    for tab in (page, other):
        expect(tab.locator(".message--answer")).to_contain_text("You stopped this answer.")
        expect(tab.locator(".message--answer [data-body]")).to_have_text("Twelve")
        expect(tab.get_by_role("button", name="Send")).to_be_visible()
    page.reload()
    expect(page.locator(".message--answer")).to_contain_text("You stopped this answer.")


def test_answer_is_stopped_before_its_first_word(page: Page, model: FakeOpenAI) -> None:
    model.script(streams(Gate(), "Never said."))
    start_conversation(page)

    page.get_by_role("button", name="Stop").click()

    expect(page.locator(".message--answer")).to_contain_text("You stopped this answer.")
    expect(page.get_by_role("button", name="Try again")).to_be_visible()
    expect(page.get_by_role("button", name="Send")).to_be_visible()


def test_refused_question_shows_the_reason_and_can_be_sent_again(page: Page, model: FakeOpenAI) -> None:
    model.script(refuses(401), streams("Twelve minutes."), TITLE)
    start_conversation(page)
    expect(page.locator(".message--answer .notice")).to_contain_text("The assistant isn't set up correctly")
    expect(page.locator(".message--question")).to_contain_text(QUESTION)
    page.reload()
    expect(page.locator(".message--answer .notice")).to_contain_text("The assistant isn't set up correctly")
    be_live(page)

    page.get_by_role("button", name="Try again").click()

    expect(page.locator(".message--answer:visible")).to_contain_text("Twelve minutes.")
    expect(page.locator(".message--answer .notice")).to_be_hidden()
    expect(page.locator(".message--answer:visible")).to_contain_text("2 of 2")
    page.get_by_role("button", name="Earlier answer").locator("visible=true").click()
    expect(page.locator(".message--answer .notice")).to_be_visible()


def test_failure_in_mid_answer_keeps_what_was_written(page: Page, model: FakeOpenAI) -> None:
    model.script(disconnects("Twelve minu"), TITLE)

    start_conversation(page)

    expect(page.locator(".message--answer .notice")).to_contain_text("lost before the answer finished")
    expect(page.locator(".message--answer [data-body]")).to_have_text("Twelve minu")


def test_failed_answer_is_rendered_live_as_after_a_reload(page: Page, model: FakeOpenAI) -> None:
    model.script(disconnects("It takes **twelve** minutes:\n\n- wash\n- bo"), TITLE)

    start_conversation(page)

    expect(page.locator(".message--answer .notice")).to_be_visible()
    body = page.locator(".message--answer [data-body]")
    expect(body.locator("strong")).to_have_text("twelve")
    expect(body.locator("li")).to_have_text(["wash", "bo"])
    live = body.inner_html()
    page.reload()
    assert body.inner_html() == live


def test_double_enter_sends_once(page: Page, model: FakeOpenAI) -> None:
    model.script(streams("Twelve minutes."), TITLE, streams("Longer."))
    start_conversation(page)
    expect(page.locator(".message--answer")).to_contain_text("Twelve minutes.")

    sent: list[Request] = []
    page.on("request", lambda request: sent.append(request) if request.method == "POST" else None)
    page.get_by_label("Your question").fill("And brown rice?")
    page.evaluate(
        """() => {
            const field = document.querySelector("textarea");
            for (let time = 0; time < 2; time += 1)
                field.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true, cancelable: true }));
        }"""
    )

    expect(page.locator(".message--answer").last).to_contain_text("Longer.")
    assert len(sent) == 1
    page.reload()
    expect(page.locator(".message--question")).to_have_count(2)


def test_question_stays_in_the_box_until_it_has_arrived(page: Page, model: FakeOpenAI) -> None:
    model.script(streams("Twelve minutes."), TITLE, streams("Longer."))
    start_conversation(page)
    expect(page.locator(".message--answer")).to_contain_text("Twelve minutes.")

    page.context.set_offline(True)
    ask(page, "And brown rice?")
    expect(page.get_by_role("alert")).to_contain_text("No connection")
    expect(page.get_by_label("Your question")).to_have_value("And brown rice?")
    page.context.set_offline(False)
    page.get_by_role("button", name="Send").click()

    expect(page.locator(".message--answer").last).to_contain_text("Longer.")
    expect(page.get_by_role("alert")).to_be_hidden()
    expect(page.get_by_label("Your question")).to_have_value("")


def test_question_while_an_answer_runs_is_refused_in_words(page: Page, model: FakeOpenAI) -> None:
    gate = Gate()
    model.script(streams("Twelve ", gate, "minutes."), TITLE)
    start_conversation(page)
    expect(page.locator(".message--answer")).to_contain_text("Twelve ")

    ask(page, "And brown rice?")

    expect(page.get_by_role("alert")).to_contain_text("Wait for the answer to finish")
    expect(page.get_by_label("Your question")).to_have_value("And brown rice?")
    gate.open()
    expect(page.locator(".message--answer")).to_contain_text("Twelve minutes.")


def test_script_in_a_models_text_does_not_run(page: Page, model: FakeOpenAI) -> None:
    gate = Gate()
    attack = "<img src=x onerror='window.hacked=1'><script>window.hacked=1</script> [x](javascript:window.hacked=1)"
    drawn = "[q](https://elsewhere.example/q) <img src=https://elsewhere.example/q.png>\n\nAnd "
    model.script(streams(drawn, attack, gate, " ![p](https://elsewhere.example/p.png)"), streams(attack))
    start_conversation(page, attack)

    # The text is checked while it is written, in finished blocks, in the final HTML, and as rendered by the server.
    expect(page.get_by_role("link", name="q", exact=True)).to_be_visible()
    expect(page.locator(".message--answer")).to_contain_text("<script>window.hacked=1</script>")
    gate.open()
    expect(page.get_by_role("link", name="p", exact=True)).to_be_visible()
    expect(page.locator(".message--answer")).to_contain_text("<script>window.hacked=1</script>")
    page.reload()
    expect(page.locator(".message--answer")).to_contain_text("<script>window.hacked=1</script>")

    assert page.evaluate("window.hacked") is None
    assert page.locator(".message img, .message script").count() == 0


def test_page_that_loses_its_socket_gets_the_rest(page: Page, model: FakeOpenAI) -> None:
    in_the_middle, before_the_end = Gate(), Gate()
    model.script(streams("Twelve ", in_the_middle, "minutes, or more", before_the_end, "."), TITLE)
    sockets: list[WebSocketRoute] = []

    def pass_on(socket: WebSocketRoute) -> None:
        sockets.append(socket)
        socket.connect_to_server()

    page.route_web_socket(re.compile("/ws/assistants/"), pass_on)
    start_conversation(page)
    expect(page.locator(".message--answer")).to_contain_text("Twelve ")

    sockets[-1].close(code=1012)
    in_the_middle.open()

    expect(page.locator(".message--answer [data-body]")).to_have_text("Twelve minutes, or more")
    before_the_end.open()
    expect(page.locator(".message--answer [data-body]")).to_have_text("Twelve minutes, or more.")
    expect(page.get_by_role("button", name="Send")).to_be_visible()
    assert len(sockets) == 2
    assert "since=" in sockets[1].url


def test_page_that_has_to_start_again_fetches_what_it_missed(page: Page, model: FakeOpenAI) -> None:
    model.script(streams("Twelve **minutes**."), TITLE, refuses(401), streams("Longer."))
    start_conversation(page)
    expect(page.locator(".message--answer strong")).to_have_text("minutes")
    other = page.context.new_page()
    sockets: list[WebSocketRoute] = []

    def let_only_the_greeting_through(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()
        server.on_message(lambda frame: socket.send(frame) if '"authentication"' in str(frame) else None)
        sockets.append(socket)

    other.route_web_socket(re.compile("/ws/assistants/"), let_only_the_greeting_through)
    other.goto(page.url)
    be_live(other)
    ask(page, "And brown rice?")
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_text("Longer.")).to_be_visible()
    expect(other.locator(".message")).to_have_count(2)

    sockets[0].send('{"action": "resync", "payload": {"seq": 99}}')

    expect(other.get_by_text("And brown rice?")).to_be_visible()
    expect(other.get_by_text("Longer.")).to_be_visible()
    expect(other.locator(".message--answer:visible").last).to_contain_text("2 of 2")
    expect(other.locator(".message")).to_have_count(5)


def test_code_and_answers_can_be_copied(page: Page, model: FakeOpenAI) -> None:
    answer = "So:\n\n```python\nboil(12)\n```\n"
    model.script(streams(answer), TITLE)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    start_conversation(page)

    page.locator("figure").get_by_role("button", name="Copy").click()
    expect(page.locator("figure").get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == "boil(12)\n"
    page.locator(".message__tools").get_by_role("button", name="Copy").click()
    expect(page.locator(".message__tools").get_by_role("button", name="Copied")).to_be_visible()

    assert page.evaluate("navigator.clipboard.readText()") == answer


def test_reader_who_looks_further_up_is_left_there(page: Page, model: FakeOpenAI) -> None:
    gate = Gate()
    lines = [f"Line {number}.\n\n" for number in range(60)]
    model.script(streams(*lines, gate, *lines, "The end."), TITLE)
    start_conversation(page)
    expect(page.locator(".message--answer")).to_contain_text("Line 59.")
    expect(page.get_by_text("Line 59.")).to_be_in_viewport()

    page.locator("[data-log]").evaluate("log => { log.scrollTop = 0; }")
    expect(page.get_by_role("button", name="Jump to latest")).to_be_visible()
    gate.open()
    expect(page.locator(".message--answer")).to_contain_text("The end.")

    assert page.locator("[data-log]").evaluate("log => log.scrollTop") == 0
    page.get_by_role("button", name="Jump to latest").click()
    expect(page.get_by_text("The end.")).to_be_in_viewport()
    expect(page.get_by_role("button", name="Jump to latest")).to_be_hidden()


def test_finished_blocks_are_rendered_during_the_answer_and_do_not_change(page: Page, model: FakeOpenAI) -> None:
    first, second = Gate(), Gate()
    code = "```python\ndef water(cups):\n\n    return cups\n```\n"
    answer = streams("Take **one** part.\n\nAnd so", first, " on.\n\n", code, "The", second, " end.")
    model.script(streams("Twelve minutes."), TITLE, answer)
    start_conversation(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("Cooking rice")
    ask(page, "And how much water?")
    body = page.locator(".message--answer [data-body]").last

    expect(body.locator("strong")).to_have_text("one")
    expect(body.locator("[data-tail]")).to_have_text("And so")
    drawn = body.locator("p").first.element_handle()
    body.locator("strong").evaluate("strong => getSelection().selectAllChildren(strong)")
    first.open()
    expect(body.locator("figure .k").first).to_have_text("def")
    expect(body.locator("[data-tail]")).to_have_text("The")
    late = page.context.new_page()
    late.goto(page.url)
    expect(late.locator("figure .k").first).to_have_text("def")
    expect(late.locator("[data-tail]")).to_have_text("The")
    second.open()
    expect(page.get_by_role("button", name="Send")).to_be_visible()

    expect(body).to_contain_text("The end.")
    expect(late.locator(".message--answer").last).to_contain_text("The end.")
    expect(body.locator("[data-tail]")).to_have_count(0)
    assert body.locator("p").first.evaluate("(now, then) => now === then", drawn)
    assert page.evaluate("getSelection().toString()") == "one"
    live = body.inner_html()
    page.reload()
    assert body.inner_html() == live


def test_a_block_whose_text_is_selected_is_drawn_once_the_selection_is_gone(page: Page, model: FakeOpenAI) -> None:
    first, second = Gate(), Gate()
    model.script(streams("Take **one** part", first, ".\n\nThen **two**.\n\nThe", second, " end."), TITLE)
    start_conversation(page)
    body = page.locator(".message--answer [data-body]")
    expect(body).to_contain_text("Take **one** part")
    body.locator("[data-tail]").evaluate("tail => getSelection().selectAllChildren(tail)")

    first.open()
    expect(body).to_contain_text("The")
    expect(body.locator("strong")).to_have_count(0)
    assert page.evaluate("getSelection().toString()").startswith("Take **one** part")

    page.evaluate("getSelection().removeAllRanges()")
    expect(body.locator("strong")).to_have_text(["one", "two"])
    expect(body.locator("[data-tail]")).to_have_text("The")
    second.open()
    expect(body).to_contain_text("The end.")


def test_reader_at_the_end_stays_there_through_answers_failures_and_further_attempts(
    page: Page, model: FakeOpenAI
) -> None:
    block = "Take one part.\n\n```python\nboil(12)\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n"
    model.script(streams("Twelve minutes."), TITLE)
    start_conversation(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("Cooking rice")
    to_end = page.get_by_role("button", name="Jump to latest")

    for number in range(6):
        model.script(disconnects(block * number, "Twelve minu"), streams(block * number, f"Number {number}."))
        ask(page, f"And {number}?")
        expect(page.locator(".message--answer .notice").last).to_be_in_viewport(ratio=1)
        expect(to_end).to_be_hidden()
        page.get_by_role("button", name="Try again").locator("visible=true").click()
        expect(page.get_by_text(f"Number {number}.")).to_be_in_viewport()
        expect(page.get_by_role("button", name="Send")).to_be_visible()
        expect(to_end).to_be_hidden()
