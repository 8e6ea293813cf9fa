"""Tests the forum in two browsers. One user's changes appear on the other's pages, in place, without layout shifts."""

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, WebSocketRoute, expect

from tests.browser.conftest import Scheme, browser_of_ones_own, on_another_screen, page_with_clock
from tests.browser.steps import register
from tests.browser.test_all_pages import check, check_rules
from tests.servers import Server

EVIL = "<img src=x onerror=alert(1)><script>alert(2)</script>"
numbers = itertools.count(1)


@dataclass
class BrowserUser:
    """A user with their own browser."""

    page: Page

    def open(self, path: str) -> None:
        self.page.goto(path)
        expect(self.page.locator("[data-state]")).to_have_attribute("data-state", "live")

    def question(self) -> Locator:
        return self.page.locator("#question")

    def replies(self) -> Locator:
        return self.page.locator("[data-replies] > article")

    def reply(self, words: str) -> Locator:
        return self.replies().filter(has_text=words)

    def field(self) -> Locator:
        return self.page.get_by_label("Your reply")

    def answer(self, words: str) -> None:
        self.field().fill(words)
        self.page.get_by_role("button", name="Reply", exact=True).click()

    def row(self, title: str) -> Locator:
        return self.page.locator("[data-rows] > li").filter(has_text=title)

    def post(self, path: str, **data: object) -> dict[str, object]:
        """Sends a request to the API with the page's cookies, but without the page."""
        (token,) = [cookie["value"] for cookie in self.page.context.cookies() if cookie["name"] == "csrftoken"]
        answer = self.page.context.request.post(f"/api/discussion/{path}", data=data, headers={"X-CSRFToken": token})
        assert answer.ok, answer.text()
        made: dict[str, object] = answer.json()
        return made

    def patch(self, path: str, **data: object) -> None:
        (token,) = [cookie["value"] for cookie in self.page.context.cookies() if cookie["name"] == "csrftoken"]
        answer = self.page.context.request.patch(f"/api/discussion/{path}", data=data, headers={"X-CSRFToken": token})
        assert answer.ok, answer.text()

    def ask(self, title: str, **fields: object) -> str:
        return f"/discussion/{self.post('', title=title, content='?', **fields)['id']}/"


@dataclass
class Pair:
    alice: BrowserUser
    bob: BrowserUser


def open_browser(
    browser: Browser, server: Server, complaints: list[str], name: str, *, javascript: bool = True
) -> BrowserUser:
    page = browser_of_ones_own(browser, server, complaints, javascript=javascript).new_page()
    register(page, name)
    return BrowserUser(page)


@pytest.fixture(scope="module")
def pair(chromium: Browser, server: Server) -> Iterator[Pair]:
    """Supplies Alice and Bob, who are signed in once for all tests."""
    expect.set_options(timeout=10_000)
    complaints: list[str] = []
    alice = open_browser(chromium, server, complaints, "Alice")
    bob = open_browser(chromium, server, complaints, "Bob")
    yield Pair(alice, bob)
    for user in (alice, bob):
        user.page.context.close()
    assert complaints == []


@pytest.fixture
def alice(pair: Pair) -> Iterator[BrowserUser]:
    yield from when_idle(pair.alice)


@pytest.fixture
def bob(pair: Pair) -> Iterator[BrowserUser]:
    yield from when_idle(pair.bob)


def when_idle(user: BrowserUser) -> Iterator[BrowserUser]:
    yield user
    user.page.unroute_all()
    user.page.goto("about:blank")


@pytest.fixture
def topic(alice: BrowserUser) -> str:
    """Returns the path of a new topic by Alice."""
    return alice.ask(f"Which tea, number {next(numbers)}?", tags=["tea"])


def test_reply_vote_and_acceptance_are_seen_by_the_other_at_once(
    alice: BrowserUser, bob: BrowserUser, topic: str
) -> None:
    for user in (alice, bob):
        user.open(topic)

    bob.answer("Green, **of course**.")

    expect(alice.reply("Green").locator("strong").filter(has_text="of course")).to_be_visible()
    expect(alice.page.locator("[data-reply-count]")).to_have_text("1")
    expect(bob.field()).to_have_value("")
    alice.reply("Green").get_by_role("button", name="Vote up").click()
    expect(bob.reply("Green").locator("[data-count]")).to_have_text("1")
    alice.reply("Green").get_by_role("button", name="Accept this answer").click()
    for user in (alice, bob):
        expect(user.reply("Green").get_by_text("Accepted answer")).to_be_visible()
        expect(user.page.get_by_role("link", name="Answered")).to_be_visible()
        expect(user.replies()).to_have_count(1)
    alice.reply("Green").get_by_role("button", name="Unaccept").click()
    expect(bob.reply("Green").get_by_text("Accepted answer")).to_be_hidden()
    bob.page.reload()
    expect(bob.reply("Green").locator("[data-count]")).to_have_text("1")


def test_live_rows_look_like_those_of_the_server(alice: BrowserUser, bob: BrowserUser, topic: str) -> None:
    for user in (alice, bob):
        user.open(topic)
    bob.answer("Look:\n\n```python\nprint(1)\n```\n\n@Alice")

    for user in (alice, bob):
        expect(user.replies()).to_have_count(1)
        live = drawn(user.replies())
        user.page.reload()
        expect(user.replies()).to_have_count(1)
        assert drawn(user.replies()) == live
    expect(alice.replies().get_by_text("mentions you")).to_be_visible()
    expect(bob.replies().get_by_text("mentions you")).to_be_hidden()


def drawn(article: Locator) -> str:
    html: str = article.evaluate(
        """(article) => {
            for (const token of article.querySelectorAll("[name=csrfmiddlewaretoken]")) token.value = "";
            for (const time of article.querySelectorAll("time")) time.dateTime = new Date(time.dateTime).toISOString();
            article.querySelector("[data-body]").removeAttribute("data-html");
            return article.outerHTML.replaceAll(location.origin, "").replace(/\\s+/g, " ");
        }"""
    )
    return html


def test_vote_is_shown_at_once_and_taken_back_when_it_is_refused(bob: BrowserUser, topic: str) -> None:
    bob.open(topic)
    up = bob.question().get_by_role("button", name="Vote up")

    def refuse(route: Route) -> None:
        error = {"code": "teapot", "detail": "Not now.", "attr": None}
        expect(up).to_have_attribute("aria-pressed", "true")
        expect(bob.question().locator("[data-count]")).to_have_text("1")
        route.fulfill(status=418, json={"type": "client_error", "errors": [error]})

    bob.page.route("**/vote/", refuse)
    up.click()

    expect(bob.question().get_by_role("alert")).to_have_text("Not now.")
    expect(up).to_have_attribute("aria-pressed", "false")
    expect(bob.question().locator("[data-count]")).to_have_text("0")


def test_votes_work_by_keyboard_except_on_ones_own_posts(alice: BrowserUser, bob: BrowserUser, topic: str) -> None:
    for user in (alice, bob):
        user.open(topic)
    down = bob.question().get_by_role("button", name="Vote down")

    down.press("Enter")
    expect(alice.question().locator("[data-count]")).to_have_text("-1")
    expect(down).to_have_attribute("aria-pressed", "true")
    down.press("Space")
    expect(alice.question().locator("[data-count]")).to_have_text("0")
    alice.question().get_by_role("button", name="Vote up").press("Enter")

    expect(alice.question().get_by_role("alert")).to_have_text("You can't vote on what you wrote yourself.")
    expect(alice.question().locator("[data-count]")).to_have_text("0")


def test_edits_appear_in_place_for_both(alice: BrowserUser, bob: BrowserUser, topic: str) -> None:
    for user in (alice, bob):
        user.open(topic)
    bob.answer("Gren.")

    bob.reply("Gren.").get_by_role("link", name="Edit").click()
    bob.page.get_by_label("Text").fill("Green.")
    bob.page.get_by_role("button", name="Save").click()
    expect(alice.reply("Green.").get_by_role("link", name="edited")).to_be_visible()
    alice.question().get_by_role("link", name="Edit").click()
    alice.page.get_by_label("Title").fill("Which tea today?")
    alice.page.get_by_label("Tags").fill("tea, today")
    alice.page.get_by_role("button", name="Save").click()

    for user in (alice, bob):
        expect(user.page.get_by_role("heading", level=1)).to_have_text("Which tea today?")
        expect(user.page.get_by_role("link", name="today", exact=True)).to_be_visible()
    bob.reply("Green.").get_by_role("link", name="edited").click()
    expect(bob.page.get_by_text("Gren.", exact=True)).to_be_visible()


def test_deletion_asks_for_confirmation_and_shows_refusals(alice: BrowserUser, bob: BrowserUser, topic: str) -> None:
    for user in (alice, bob):
        user.open(topic)
    bob.answer("Green.")
    expect(alice.reply("Green.")).to_be_visible()

    alice.question().get_by_role("link", name="Delete").click()
    alice.page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(alice.page.get_by_role("dialog").get_by_role("alert")).to_contain_text("others have replied")
    alice.page.keyboard.press("Escape")
    bob.reply("Green.").get_by_role("link", name="Delete").click()
    bob.page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(alice.replies().get_by_text("This reply was deleted.")).to_be_visible()
    expect(alice.page.locator("[data-reply-count]")).to_have_text("0")
    alice.question().get_by_role("link", name="Delete").click()
    alice.page.get_by_role("dialog").get_by_role("button", name="Delete").click()

    alice.page.wait_for_url("/discussion/")
    expect(bob.page.get_by_text("This topic was just deleted.")).to_be_visible()
    expect(bob.field()).to_be_hidden()


def test_new_topics_wait_behind_a_bar_and_counts_change_in_place(
    alice: BrowserUser, bob: BrowserUser, topic: str
) -> None:
    bob.open("/discussion/")
    title = bob.row("Which tea").first.locator("[data-title]").inner_text()
    place = bob.row(title).bounding_box()

    new = f"Coffee {next(numbers)}"
    alice.ask(new)
    alice.ask(f"{new} again")
    expect(bob.page.get_by_role("button", name="2 new topics")).to_be_visible()
    assert bob.row(new).count() == 0
    bob.post(f"{topic.split('/')[2]}/vote/", vote=1)
    bob.post(f"{topic.split('/')[2]}/replies/", content="Green.")

    expect(bob.row(title).locator("[data-votes]")).to_have_text("1")
    expect(bob.row(title).locator("[data-replies]")).to_have_text("1")
    after = bob.row(title).bounding_box()
    assert place
    assert after
    assert place["y"] == after["y"]
    bob.page.get_by_role("button", name="2 new topics").click()
    expect(bob.row(new)).to_have_count(2)
    expect(bob.page.get_by_role("button", name="new topic")).to_be_hidden()
    alice.post(f"{topic.split('/')[2]}/replies/", content="I agree.")
    expect(bob.row(title).locator("[data-replies]")).to_have_text("2")


def test_list_of_a_tag_receives_of_that_tag_only(alice: BrowserUser, bob: BrowserUser) -> None:
    bob.open("/discussion/?tag=coffee-only")

    alice.ask("About tea", tags=["tea"])
    alice.ask("About coffee", tags=["coffee-only"])

    bob.page.get_by_role("button", name="1 new topic", exact=True).click()
    expect(bob.page.locator("[data-title]")).to_have_text(["About coffee"])


def test_topic_is_posted_once_by_an_impatient_finger(alice: BrowserUser) -> None:
    title = f"Only once {next(numbers)}"
    alice.page.goto("/discussion/new/")
    alice.page.get_by_label("Title").fill(title)
    alice.page.get_by_label("Text").fill("?")
    sent: list[str] = []
    alice.page.on("request", lambda request: sent.append(request.method))

    alice.page.get_by_role("button", name="Post topic").dblclick()

    alice.page.wait_for_url(re.compile(r"/discussion/\d+/$"))
    assert sent.count("POST") == 1
    alice.page.goto("/discussion/mine/")
    expect(alice.page.get_by_role("link", name=title)).to_have_count(1)


def test_reply_whose_answer_got_lost_is_not_sent_twice(alice: BrowserUser, topic: str) -> None:
    alice.open(topic)

    def lose_the_answer(route: Route) -> None:
        if route.request.method == "POST":
            route.fetch()
            route.abort()
        else:
            route.continue_()

    alice.page.route("**/replies/", lose_the_answer)
    alice.answer("Once")
    expect(alice.page.locator("[data-reply-form]").get_by_role("alert")).to_contain_text("No connection")
    expect(alice.field()).to_have_value("Once")
    alice.page.unroute_all()
    alice.page.get_by_role("button", name="Reply", exact=True).click()

    expect(alice.field()).to_have_value("")
    expect(alice.replies()).to_have_count(1)
    alice.page.reload()
    expect(alice.replies()).to_have_count(1)


def test_drafts_survive_a_reload_and_are_gone_when_posted(alice: BrowserUser, topic: str) -> None:
    alice.open(topic)
    alice.field().fill("Half a thou")
    alice.page.goto("/discussion/new/")
    alice.page.get_by_label("Title").fill("Half a title")
    alice.page.get_by_label("Tags").fill("half")

    alice.page.reload()
    expect(alice.page.get_by_label("Title")).to_have_value("Half a title")
    expect(alice.page.get_by_label("Tags")).to_have_value("half")
    alice.page.get_by_label("Title").fill("")
    alice.page.get_by_label("Tags").fill("")
    alice.open(topic)
    expect(alice.field()).to_have_value("Half a thou")
    alice.field().press("Control+Enter")
    expect(alice.reply("Half a thou")).to_be_visible()
    alice.page.reload()

    expect(alice.field()).to_have_value("")


def test_similar_topics_and_a_preview_are_shown_while_writing(alice: BrowserUser) -> None:
    alice.ask("Unmistakable zebra stripes")
    alice.page.goto("/discussion/new/")

    alice.page.get_by_label("Title").press_sequentially("Zebra")
    alice.page.get_by_label("Text").fill(f"**Bold** {EVIL}")
    alice.page.get_by_role("button", name="Preview").click()

    similar = alice.page.get_by_role("complementary").get_by_role("link", name="Unmistakable zebra stripes")
    expect(similar).to_be_visible()
    preview = alice.page.get_by_role("region", name="Preview")
    expect(preview.locator("strong")).to_have_text("Bold")
    expect(preview).to_contain_text(EVIL)
    alice.page.get_by_role("button", name="Write").click()
    expect(alice.page.get_by_label("Text")).to_be_focused()
    alice.page.get_by_label("Title").fill("")
    alice.page.get_by_label("Text").fill("")


def test_refused_field_shows_its_error_below_it(alice: BrowserUser) -> None:
    alice.page.goto("/discussion/new/")
    alice.page.get_by_label("Title").fill("Too many tags")
    alice.page.get_by_label("Text").fill("?")
    alice.page.get_by_label("Tags").fill("a b c d e f")

    alice.page.get_by_role("button", name="Post topic").click()

    expect(alice.page.get_by_label("Tags")).to_be_focused()
    expect(alice.page.get_by_label("Tags")).to_have_attribute("aria-invalid", "true")
    for name in ("Title", "Text", "Tags"):
        alice.page.get_by_label(name).fill("")


def test_text_of_users_never_runs(alice: BrowserUser, bob: BrowserUser) -> None:
    # The fixture `pair` fails the tests for dialogs and console messages.
    bob.open("/discussion/")
    path = alice.ask(EVIL)
    bob.page.get_by_role("button", name="1 new topic", exact=True).click()
    expect(bob.row(EVIL).first).to_be_visible()
    bob.open(path)

    alice.post(f"{path.split('/')[2]}/replies/", content=f"{EVIL} [link](javascript:alert(3))")
    expect(bob.replies()).to_contain_text(EVIL)
    for user in (bob, alice):
        user.open(path)
        expect(user.replies()).to_contain_text(EVIL)
        assert user.page.locator("main img, main script, a[href^=javascript]").count() == 0


def test_page_that_lost_its_socket_catches_up(alice: BrowserUser, bob: BrowserUser, server: Server, topic: str) -> None:
    wires: list[WebSocketRoute] = []
    is_cut = False

    def connect(wire: WebSocketRoute) -> None:
        if is_cut:
            wire.close()
        else:
            wire.connect_to_server()
            wires.append(wire)

    tab = BrowserUser(page_with_clock(alice.page, server))
    tab.page.route_web_socket(re.compile("/ws/"), connect)
    tab.open(topic)
    pk = topic.split("/")[2]
    is_cut = True
    for wire in wires:
        wire.close()
    bob.post(f"{pk}/replies/", content="Meanwhile")
    bob.post(f"{pk}/vote/", vote=1)
    is_cut = False
    tab.page.clock.fast_forward(40_000)

    expect(tab.reply("Meanwhile")).to_have_count(1)
    expect(tab.page.locator("[data-reply-count]")).to_have_text("1")
    expect(tab.question().locator("[data-count]")).to_have_text("1")
    tab.page.context.close()


def test_reader_in_the_middle_sees_a_notice_of_a_new_reply_and_is_not_moved(
    alice: BrowserUser, bob: BrowserUser, topic: str
) -> None:
    pk = topic.split("/")[2]
    for number in range(3):
        bob.post(f"{pk}/replies/", content=f"Reply {number}\n\n" + "long\n\n" * 20)
    alice.open(topic)
    place = alice.question().bounding_box()

    bob.post(f"{pk}/replies/", content="At the very end")
    expect(alice.page.get_by_role("button", name="1 new reply")).to_be_visible()

    assert alice.question().bounding_box() == place
    alice.page.get_by_role("button", name="1 new reply").click()
    expect(alice.reply("At the very end")).to_be_in_viewport()
    expect(alice.page.get_by_role("button", name="1 new reply")).to_be_hidden()


def test_inbox_counts_live_and_is_read(alice: BrowserUser, bob: BrowserUser, topic: str) -> None:
    alice.open("/discussion/inbox/")
    alice.post("inbox/read/")
    bell = alice.page.locator("[data-inbox]")
    expect(bell).to_have_accessible_name("Inbox, 0 unread")

    bob.post(f"{topic.split('/')[2]}/replies/", content="Green.")

    expect(bell).to_have_accessible_name("Inbox, 1 unread")
    expect(alice.page.locator(".note--unread")).to_have_count(1)
    alice.page.locator(".note--unread a").click()
    alice.page.wait_for_url(re.compile(r"#reply-\d+$"))
    expect(bell).to_have_accessible_name("Inbox, 0 unread")


def test_only_the_main_part_of_a_page_scrolls(alice: BrowserUser, bob: BrowserUser, topic: str) -> None:
    for _ in range(6):
        bob.post(f"{topic.split('/')[2]}/replies/", content="Green.")
    alice.page.set_viewport_size({"width": 1280, "height": 400})

    for path in ("/discussion/inbox/", topic, "/discussion/"):
        alice.page.goto(path)
        assert alice.page.evaluate("document.documentElement.scrollHeight - innerHeight") == 0, path
    alice.page.set_viewport_size({"width": 1280, "height": 800})


def test_everything_but_live_works_without_javascript(chromium: Browser, server: Server, topic: str) -> None:
    complaints: list[str] = []
    carol = open_browser(chromium, server, complaints, "Carol", javascript=False)
    page = carol.page
    page.goto("/discussion/")

    page.get_by_role("link", name="New topic").click()
    page.get_by_label("Title").fill("Without scripts")
    page.get_by_label("Text").fill("*Plain*")
    page.get_by_role("button", name="Post topic").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Without scripts")
    page.goto(topic)
    carol.answer("Black.")
    expect(carol.reply("Black.")).to_be_visible()
    carol.question().get_by_role("button", name="Vote up").click()
    expect(carol.question().locator("[data-count]")).to_have_text("1")
    carol.reply("Black.").get_by_role("link", name="Delete").click()
    page.get_by_role("button", name="Delete").click()

    expect(page.get_by_text("Your reply is deleted.")).to_be_visible()
    page.context.close()
    assert complaints == []


@pytest.mark.parametrize(("size", "scheme"), [("wide", "dark"), ("phone", "light")])
def test_pages_are_accessible(chromium: Browser, server: Server, alice: BrowserUser, size: str, scheme: Scheme) -> None:
    tags = ["a" * 30, "مبتدئ"]
    path = alice.ask("Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft 🚀", tags=tags)
    pk = path.split("/")[2]
    alice.post(f"{pk}/replies/", content="w" * 300 + "\n\n```js\n" + "x" * 300 + "\n```")
    context = on_another_screen(chromium, server, size, scheme, of=alice.page)
    page = context.new_page()
    for address in ("/discussion/", path, "/discussion/new/", "/discussion/inbox/", "/discussion/?search=no-such-word"):
        page.goto(address)
        check(page)
    for address in ("/discussion/mine/", "/discussion/mine/?what=replies", f"{path}edit/", f"{path}history/"):
        page.goto(address)
        check_rules(page)
    page.goto(path)
    page.locator("#question").get_by_role("link", name="Edit").click()
    expect(page.get_by_role("button", name="Save")).to_be_visible()
    check_rules(page)
    context.close()


def test_topic_list_reloads_its_rows_after_a_gap(alice: BrowserUser, bob: BrowserUser, topic: str) -> None:
    sockets: list[WebSocketRoute] = []

    def let_only_the_greeting_through(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()
        server.on_message(lambda frame: socket.send(frame) if '"authentication"' in str(frame) else None)
        sockets.append(socket)

    bob.page.route_web_socket(re.compile("/ws/discussion/$|/ws/discussion/[?]"), let_only_the_greeting_through)
    bob.open("/discussion/")
    pk = topic.split("/")[2]
    alice.patch(f"{pk}/", title=f"Renamed topic {pk}")
    expect(bob.row(f"Renamed topic {pk}")).to_have_count(0)

    sockets[0].send('{"action": "resync", "payload": {"seq": 99}}')

    expect(bob.row(f"Renamed topic {pk}")).to_be_visible()


@pytest.mark.parametrize("shown", ["topic", "list"])
def test_votes_between_the_page_and_a_late_first_connection_are_shown(
    alice: BrowserUser, bob: BrowserUser, server: Server, topic: str, shown: str
) -> None:
    is_down = True
    tab = BrowserUser(page_with_clock(alice.page, server))
    tab.page.route_web_socket(re.compile("/ws/"), lambda wire: wire.close() if is_down else wire.connect_to_server())
    tab.page.goto(topic if shown == "topic" else "/discussion/")
    pk = topic.split("/")[2]
    votes = tab.page.locator("#question [data-count]" if shown == "topic" else f"[data-topic='{pk}'] [data-votes]")
    expect(votes).to_have_text("0")
    bob.post(f"{pk}/vote/", vote=1)

    is_down = False
    tab.page.clock.fast_forward(40_000)
    expect(tab.page.locator("[data-state]")).to_have_attribute("data-state", "live")
    tab.page.clock.fast_forward(10_000)

    expect(votes).to_have_text("1")
    tab.page.context.close()


@pytest.mark.parametrize("shown", ["topic", "list"])
def test_page_that_connects_at_once_sends_no_request_for_what_it_shows(
    alice: BrowserUser, server: Server, topic: str, shown: str
) -> None:
    tab = BrowserUser(page_with_clock(alice.page, server, "2026-03-01T12:00:00Z"))
    tab.page.clock.pause_at("2026-03-01T12:00:01Z")  # on a busy machine, loading the page would take seconds
    tab.open(topic if shown == "topic" else "/discussion/")
    requests: list[str] = []
    tab.page.on("request", lambda request: requests.append(request.url))

    tab.page.clock.run_for(20_000)

    tab.page.evaluate("fetch('/healthz')")  # when this has ended, all earlier requests are recorded
    assert [url.partition(server.url)[2] for url in requests] == ["/healthz"]
    tab.page.context.close()
