"""Tests a room in two browsers. Each receives the other's messages once and in order, in spite of disturbances."""

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, Route, WebSocketRoute, expect

from tests.browser.conftest import Scheme, browser_of_ones_own, on_another_screen, page_with_clock
from tests.browser.steps import register
from tests.browser.test_all_pages import check, check_rules
from tests.servers import Server

numbers = itertools.count(1)


@dataclass
class BrowserUser:
    """A user with their own browser."""

    page: Page
    email: str

    def log(self) -> Locator:
        return self.page.get_by_role("log")

    def field(self) -> Locator:
        return self.page.get_by_role("textbox", name=re.compile("^Message to"))

    def send_message(self, words: str) -> None:
        self.field().fill(words)
        self.field().press("Enter")

    def row(self, words: str) -> Locator:
        return self.log().get_by_role("article").filter(has_text=words)

    def words(self) -> Locator:
        return self.log().locator(".message [data-body]")

    def be_live(self) -> None:
        expect(self.page.locator("[data-state]")).to_have_attribute("data-state", "live")

    def listed(self, title: str) -> Locator:
        return self.page.get_by_role("complementary").get_by_role("link", name=title)

    def be_offline(self, is_offline: bool = True) -> None:
        self.page.context.set_offline(is_offline)


@dataclass
class Room:
    alice: BrowserUser
    bob: BrowserUser
    pk: int
    path: str
    server: Server

    def open(self) -> None:
        for user in (self.alice, self.bob):
            user.page.goto(self.path)
            user.be_live()


def open_browser(browser: Browser, server: Server, complaints: list[str], name: str) -> BrowserUser:
    page = browser_of_ones_own(browser, server, complaints).new_page()
    return BrowserUser(page, register(page, name))


@dataclass
class Pair:
    alice: BrowserUser
    bob: BrowserUser


@pytest.fixture(scope="module")
def pair(chromium: Browser, server: Server) -> Iterator[Pair]:
    """Supplies Alice and Bob, who are signed in once for all tests. Each test creates its own room."""
    expect.set_options(timeout=10_000)
    complaints: list[str] = []
    alice = open_browser(chromium, server, complaints, "Alice")
    bob = open_browser(chromium, server, complaints, "Bob")
    yield Pair(alice, bob)
    for user in (alice, bob):
        user.page.context.close()
    assert complaints == []


@pytest.fixture
def room(pair: Pair, server: Server) -> Iterator[Room]:
    """Supplies Alice's room, of which Bob is a member. Neither of them has it open."""
    alice, bob = pair.alice, pair.bob
    for user in (alice, bob):
        user.be_offline(False)
        user.page.goto("about:blank")
    pk = create_room(alice.page.context, f"Room {next(numbers)}", bob.email)
    yield Room(alice, bob, pk, f"/chat/{pk}/", server)
    for user in (alice, bob):
        user.be_offline(False)
        user.page.unroute_all()
        for page in user.page.context.pages:
            if page != user.page:
                page.close()


def create_room(context: BrowserContext, title: str, *emails: str) -> int:
    headers = csrf(context)
    made = context.request.post("/api/chat/", data={"title": title}, headers=headers).json()
    for email in emails:
        added = context.request.post(f"/api/chat/{made['id']}/members/", data={"user": email}, headers=headers)
        assert added.ok, added.text()
    return int(made["id"])


def csrf(context: BrowserContext) -> dict[str, str]:
    (token,) = [cookie["value"] for cookie in context.cookies() if cookie["name"] == "csrftoken"]
    return {"X-CSRFToken": token}


def messages_of(room: Room) -> list[str]:
    """Returns the messages that the server has stored, oldest first."""
    answer = room.alice.page.context.request.get(f"/api/chat/{room.pk}/messages/?limit=100").json()
    return [message["content"] for message in reversed(answer["results"])]


def test_two_users_talk_and_each_word_stands_once_and_in_order(room: Room) -> None:
    room.open()
    alice, bob = room.alice, room.bob

    for number in range(5):
        alice.send_message(f"A{number}")
        bob.send_message(f"B{number}")

    expect(alice.words()).to_have_count(10)
    expect(bob.words()).to_have_count(10)
    for user in (alice, bob):
        expect(user.words()).to_have_text(messages_of(room))
    expect(alice.log().locator(".message--pending")).to_have_count(0)


def test_markdown_is_drawn_as_the_server_made_it(room: Room) -> None:
    room.open()

    room.alice.send_message("**Two** cups <script>alert(1)</script>")

    for user in (room.alice, room.bob):
        expect(user.log().locator("strong")).to_have_text("Two")
        expect(user.row("<script>alert(1)</script>")).to_be_visible()


def test_a_double_click_sends_once(room: Room) -> None:
    room.open()
    room.alice.field().fill("Once")

    room.alice.page.evaluate(
        """() => {
            const field = document.querySelector("[data-composer] textarea");
            const enter = () => new KeyboardEvent("keydown", { key: "Enter", bubbles: true });
            for (let n = 0; n < 2; n += 1) field.dispatchEvent(enter());
        }"""
    )
    room.alice.field().press("Enter")

    expect(room.bob.words()).to_have_text(["Once"])
    expect(room.alice.words()).to_have_text(["Once"])
    expect(room.alice.field()).to_have_value("")


def test_same_words_sent_twice_are_two_messages(room: Room) -> None:
    room.open()

    for _ in range(2):
        room.alice.send_message("Yes")

    expect(room.bob.words()).to_have_text(["Yes", "Yes"])
    expect(room.alice.words()).to_have_text(["Yes", "Yes"])


def test_messages_sent_offline_are_delivered_later_in_order(room: Room) -> None:
    room.open()
    alice = room.alice
    alice.be_offline()

    alice.send_message("One")
    alice.send_message("Two")

    expect(alice.page.get_by_text("You're offline.")).to_be_visible()
    expect(alice.row("One")).to_contain_text("Waiting for connection")
    expect(alice.row("Two")).to_contain_text("Waiting for connection")
    room.bob.send_message("Meanwhile")
    expect(room.bob.words()).to_have_text(["Meanwhile"])
    alice.be_offline(False)
    expect(alice.words()).to_have_text(["Meanwhile", "One", "Two"])
    expect(room.bob.words()).to_have_text(["Meanwhile", "One", "Two"])
    expect(alice.log().locator(".message--failed")).to_have_count(0)
    assert messages_of(room) == ["Meanwhile", "One", "Two"]


def test_page_that_lost_its_sockets_catches_up_without_a_reload(room: Room) -> None:
    alice, bob = room.alice, room.bob
    wires: list[WebSocketRoute] = []
    is_cut = True

    def connect(wire: WebSocketRoute) -> None:
        if is_cut:
            wire.close()
        else:
            wire.connect_to_server()
            wires.append(wire)

    tab = BrowserUser(page_with_clock(alice.page, room.server), alice.email)
    tab.page.route_web_socket(re.compile("/ws/"), connect)
    tab.page.goto(room.path)
    bob.page.goto(room.path)
    bob.send_message("One")
    expect(bob.words()).to_have_count(1)
    is_cut = False
    tab.page.clock.fast_forward(40_000)
    expect(tab.words()).to_have_text(["One"])  # it was sent between the rendering and the opening of the socket

    is_cut = True
    for wire in wires:
        wire.close()
    for words in ("Two", "Three"):
        bob.send_message(words)
    expect(bob.words()).to_have_count(3)
    tab.page.clock.fast_forward(6000)
    expect(tab.page.locator("[data-state]")).to_have_text("Reconnecting…")
    assert tab.words().all_inner_texts() == ["One"]
    is_cut = False
    tab.page.clock.fast_forward(40_000)

    expect(tab.words()).to_have_text(["One", "Two", "Three"])
    tab.be_live()
    tab.page.context.close()


def test_answer_that_gets_lost_makes_no_second_message(room: Room) -> None:
    room.open()
    alice = room.alice

    def lose_the_answer(route: Route) -> None:
        if route.request.method == "POST":
            route.fetch()
            route.abort()
        else:
            route.continue_()

    alice.page.route(f"**/api/chat/{room.pk}/messages/", lose_the_answer)
    alice.send_message("Once")

    expect(room.bob.words()).to_have_text(["Once"])
    expect(alice.words()).to_have_text(["Once"])
    alice.page.unroute_all()
    alice.page.reload()
    expect(alice.words()).to_have_text(["Once"])
    expect(alice.log().locator(".message--pending")).to_have_count(0)
    assert messages_of(room) == ["Once"]


def test_message_that_failed_survives_a_reload_and_can_be_tried_again_or_discarded(room: Room) -> None:
    room.open()
    alice = room.alice

    def refuse(route: Route) -> None:
        error = {"code": "teapot", "detail": "Not now.", "attr": None}
        if route.request.method == "POST":
            route.fulfill(status=418, json={"type": "client_error", "errors": [error]})
        else:
            route.continue_()

    alice.page.route(f"**/api/chat/{room.pk}/messages/", refuse)
    alice.send_message("Keep me")
    expect(alice.row("Keep me")).to_contain_text("Not now.")
    alice.send_message("Drop me")
    expect(alice.row("Drop me")).to_contain_text("Not now.")

    alice.page.reload()

    expect(alice.words()).to_have_text(["Keep me", "Drop me"])
    alice.row("Drop me").get_by_role("button", name="Discard").click()
    expect(alice.words()).to_have_text(["Keep me"])
    alice.page.unroute_all()
    alice.row("Keep me").get_by_role("button", name="Try again").click()
    expect(room.bob.words()).to_have_text(["Keep me"])
    expect(alice.log().locator(".message--pending")).to_have_count(0)
    alice.page.reload()
    expect(alice.words()).to_have_text(["Keep me"])


def test_draft_survives_a_reload(room: Room) -> None:
    room.open()
    room.alice.field().fill("Half a thou")

    room.alice.page.reload()

    expect(room.alice.field()).to_have_value("Half a thou")


def test_my_other_tab_agrees(room: Room) -> None:
    room.open()
    tab = BrowserUser(room.alice.page.context.new_page(), room.alice.email)
    tab.page.goto(room.path)
    tab.be_live()

    room.alice.send_message("From the first")
    tab.send_message("From the second")

    for user in (room.alice, tab, room.bob):
        expect(user.words()).to_have_text(["From the first", "From the second"])
    expect(tab.log().locator(".message--mine")).to_have_count(2)


def test_message_is_changed_and_deleted_in_place_for_all(room: Room) -> None:
    room.open()
    alice, bob = room.alice, room.bob
    alice.send_message("Two cups")
    expect(alice.log().locator(".message--pending")).to_have_count(0)

    alice.field().press("ArrowUp")
    editor = alice.page.get_by_label("Change this message")
    expect(editor).to_be_focused()
    expect(editor).to_have_value("Two cups")
    editor.press("Escape")
    expect(editor).to_have_count(0)
    expect(alice.field()).to_be_focused()
    alice.field().press("ArrowUp")
    editor.fill("Three *cups*")
    editor.press("Enter")

    for user in (alice, bob):
        expect(user.words()).to_have_text(["Three cups"])
        expect(user.row("Three cups")).to_contain_text("edited")
    alice.row("Three cups").hover()
    alice.row("Three cups").get_by_role("button", name="Delete").click()
    alice.page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    for user in (alice, bob):
        expect(user.words()).to_have_text(["This message was deleted."])
    bob.page.reload()
    expect(bob.words()).to_have_text(["This message was deleted."])


def test_pages_do_not_offer_to_change_posts_of_others(room: Room) -> None:
    room.open()
    room.alice.send_message("Mine")

    room.bob.row("Mine").hover()

    expect(room.bob.row("Mine").get_by_role("button", name="Delete")).to_be_hidden()
    expect(room.bob.row("Mine").get_by_role("button", name="Edit")).to_be_hidden()


def test_list_shows_unread_rooms_until_they_are_read_in_any_tab(room: Room) -> None:
    alice, bob = room.alice, room.bob
    title = f"Room {next(numbers)}"
    pk = create_room(alice.page.context, title, bob.email)
    alice.page.goto(f"/chat/{pk}/")
    alice.be_live()
    bob.page.goto("/chat/")
    expect(bob.listed(title)).to_contain_text("No messages yet")

    alice.send_message("One")
    alice.send_message("Two")

    expect(bob.listed(title)).to_contain_text("Alice: Two")
    unread = bob.listed(title).locator("[data-row-unread]")
    expect(unread).to_have_text("2 unread")
    expect(bob.page).to_have_title(re.compile(r"^\(\d+\) Chat"))
    expect(bob.page.get_by_role("complementary").get_by_role("link").nth(1)).to_contain_text(title)
    tab = BrowserUser(bob.page.context.new_page(), bob.email)
    tab.page.goto(f"/chat/{pk}/")
    expect(tab.page.get_by_text("New", exact=True).last).to_be_visible()
    expect(unread).to_be_hidden()
    alice.send_message("Three")
    expect(tab.words()).to_have_text(["One", "Two", "Three"])
    expect(bob.listed(title)).to_contain_text("Alice: Three")
    expect(unread).to_be_hidden()


def test_messages_are_no_reason_for_a_request(room: Room) -> None:
    alice, bob = room.alice, room.bob
    other_room = create_room(alice.page.context, f"Room {next(numbers)}", bob.email)
    room.open()
    in_other_room = BrowserUser(bob.page.context.new_page(), bob.email)
    in_other_room.page.goto(f"/chat/{other_room}/")
    in_other_room.be_live()
    title = in_other_room.page.locator(f'[data-room-row="{room.pk}"]')
    expect(title).to_contain_text("No messages yet")
    requests: list[str] = []
    for page in (bob.page, in_other_room.page, alice.page):
        page.on("request", lambda request: requests.append(f"{request.method} {request.url}"))

    for number in range(10):
        alice.send_message(f"Number {number}")
        expect(bob.words()).to_have_count(number + 1)

    expect(title).to_contain_text("Alice: Number 9")
    sent = [request for request in requests if request.endswith(f"POST {room.server.url}/api/chat/{room.pk}/messages/")]
    assert len(sent) == 10
    others = [request for request in requests if request not in sent]
    assert set(others) <= {f"POST {room.server.url}/api/chat/{room.pk}/read/"}
    assert len(others) <= 5
    expect(title.locator("[data-row-unread]")).to_be_hidden()  # Bob has read the messages in the other tab
    assert not [request for request in requests if request.startswith("GET")]


def test_fetching_after_a_gap_is_tried_again_until_it_works(room: Room) -> None:
    alice, bob = room.alice, room.bob
    frames: list[WebSocketRoute] = []
    bob.page.route_web_socket(re.compile(rf"/ws/chat/{room.pk}/"), lambda ws: connect(ws, frames))
    room.open()
    alice.send_message("Before")
    expect(bob.words()).to_have_text(["Before"])
    refusals = itertools.count()
    bob.page.route("**/messages/?*", lambda route: route.abort() if next(refusals) < 2 else route.continue_())
    frames[0].close()  # the page has to fetch later messages
    bob.page.route_web_socket(re.compile(rf"/ws/chat/{room.pk}/"), lambda ws: connect(ws, frames, resync_at=2))
    talk(room, 1)

    expect(bob.words()).to_have_text(["Before", "Line 0."], timeout=30_000)
    assert next(refusals) >= 3


def test_room_list_reloads_names_and_unread_counts_after_a_gap(room: Room) -> None:
    # Uses a new page, because socket routes can't be removed from a page.
    alice = BrowserUser(room.alice.page.context.new_page(), room.alice.email)
    sockets: list[WebSocketRoute] = []

    def let_only_the_greeting_through(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()
        server.on_message(lambda frame: socket.send(frame) if '"authentication"' in str(frame) else None)
        sockets.append(socket)

    alice.page.route_web_socket(re.compile("/ws/chat/group/"), let_only_the_greeting_through)
    alice.page.goto("/chat/")
    expect(alice.page.locator("[data-row-title]").first).to_be_visible()
    title = f"Renamed {room.pk}"
    headers = csrf(alice.page.context)
    renamed = alice.page.context.request.patch(f"/api/chat/{room.pk}/", data={"title": title}, headers=headers)
    assert renamed.ok, renamed.text()
    talk(room, 2)
    expect(alice.listed(title)).to_have_count(0)

    sockets[0].send('{"action": "resync", "payload": {"seq": 99}}')

    expect(alice.listed(title)).to_contain_text("Line 1.")
    expect(alice.listed(title).locator("[data-row-unread]")).to_have_text("2 unread")


def test_room_list_shows_what_was_sent_between_the_page_and_a_late_first_connection(room: Room) -> None:
    is_down = True
    alice = BrowserUser(page_with_clock(room.alice.page, room.server), room.alice.email)
    alice.page.route_web_socket(re.compile("/ws/"), lambda wire: wire.close() if is_down else wire.connect_to_server())
    alice.page.goto("/chat/")
    listed = alice.page.locator(f'[data-room-row="{room.pk}"]')
    expect(listed).to_contain_text("No messages yet")
    talk(room, 2)

    is_down = False
    with alice.page.expect_request("**/api/chat/?limit=*"):
        alice.page.clock.fast_forward(40_000)
        alice.page.wait_for_function("performance.getEntriesByType")
        alice.page.clock.run_for(10_000)

    expect(listed).to_contain_text("Line 1.")
    expect(listed.locator("[data-row-unread]")).to_have_text("2 unread")
    alice.page.context.close()


def test_room_list_fetches_no_more_rooms_than_its_page_shows(room: Room) -> None:
    alice = BrowserUser(room.alice.page.context.new_page(), room.alice.email)
    sockets: list[WebSocketRoute] = []
    requests: list[str] = []
    alice.page.route_web_socket(re.compile("/ws/chat/group/"), lambda socket: sockets.append(socket))

    def answer_without_end(route: Route) -> None:
        requests.append(route.request.url)
        first = 1_000_000 + 100 * len(requests)
        results = [
            {
                "id": first + number,
                "title": f"Endless {first + number}",
                "updatedAt": "2026-01-01T00:00:00Z",
                "lastNumber": 0,
                "lastReadNumber": 0,
                "lastMessage": None,
            }
            for number in range(100)
        ]
        following = f"{room.server.url}/api/chat/?limit=100&offset={100 * len(requests)}"
        route.fulfill(json={"count": 10_000, "next": following, "previous": None, "results": results})

    alice.page.route("**/api/chat/?limit=*", answer_without_end)
    alice.page.goto("/chat/")
    expect(alice.page.locator("[data-row-title]").first).to_be_visible()

    sockets[0].send('{"action": "resync", "payload": {"seq": 99}}')

    expect(alice.page.locator("[data-room-row]")).to_have_count(300)
    expect(alice.listed("Endless 1000100")).to_have_count(1)
    assert len(requests) == 3
    alice.page.close()


def connect(route: WebSocketRoute, routes: list[WebSocketRoute], *, resync_at: int | None = None) -> None:
    """Forwards the server's frames. With `resync_at`, forwards only the first frame, and then sends a `resync` with
    this number.
    """
    server = route.connect_to_server()
    routes.append(route)
    if resync_at is None:
        server.on_message(route.send)
        return

    def pass_on(frame: str | bytes) -> None:
        if '"authentication"' in str(frame):
            route.send(frame)
            route.send(f'{{"action":"resync","payload":{{"seq":{resync_at}}}}}')

    server.on_message(pass_on)


def test_page_shows_at_once_that_it_is_offline(room: Room) -> None:
    room.open()
    state = room.bob.page.locator("[data-state]")
    expect(state).to_have_text("Live")

    room.bob.be_offline()

    expect(state).to_have_text("Offline")
    room.bob.be_offline(False)
    expect(state).to_have_text("Live", timeout=20_000)


def test_message_that_is_too_long_is_not_sent_and_not_lost(room: Room) -> None:
    room.open()
    bob = room.bob
    posts: list[str] = []
    bob.page.on("request", lambda request: posts.append(request.url) if request.method == "POST" else None)
    long = "x" * 50_000

    bob.send_message(long)

    expect(bob.page.get_by_text("This message is too long (50,000 of 10,000 characters).")).to_be_visible()
    expect(bob.field()).to_have_value(long)
    assert not [url for url in posts if url.endswith("/messages/")]
    bob.send_message("Short")
    expect(room.alice.words()).to_have_text(["Short"])
    bob.row("Short").hover()
    bob.row("Short").get_by_role("button", name="Edit").click()
    bob.page.get_by_label("Change this message").fill(long)
    bob.page.get_by_role("button", name="Save").click()
    expect(bob.row("Short").get_by_text("This message is too long (50,000 of 10,000 characters).")).to_be_visible()


def test_message_that_was_refused_can_be_edited(room: Room) -> None:
    room.open()
    bob = room.bob
    body = (
        '{"type": "validation_error", "errors": [{"code": "invalid", "detail": "Not like this.", "attr": "content"}]}'
    )
    bob.page.route(
        "**/messages/",
        lambda route: route.fulfill(status=400, content_type="application/json", body=body),
        times=1,
    )
    bob.send_message("First try")
    expect(bob.row("First try")).to_contain_text("Not like this.")

    bob.row("First try").get_by_role("button", name="Edit").click()

    expect(bob.row("First try")).to_have_count(0)
    expect(bob.field()).to_have_value("First try")
    expect(bob.field()).to_be_focused()
    bob.send_message("Second try")
    expect(room.alice.words()).to_have_text(["Second try"])


def test_code_is_copied_without_a_clipboard(room: Room) -> None:
    bob = room.bob
    bob.page.add_init_script("Object.defineProperty(navigator, 'clipboard', {value: undefined, configurable: true})")
    room.open()
    bob.send_message("```\nsecret = 1\n```")
    button = bob.log().locator("[data-copy]")

    button.click()

    expect(button).to_have_text("Copied")
    expect(bob.page.get_by_role("status").filter(has_text="Copied")).to_have_count(1)
    bob.field().focus()
    bob.page.keyboard.press("Control+V")
    expect(bob.field()).to_have_value("secret = 1\n")
    # If the browser doesn't let scripts copy, the page selects the text for the user to copy.
    bob.page.evaluate("document.execCommand = () => false")
    button.click()
    expect(button).to_have_text("Press Ctrl+C to copy")
    assert bob.page.evaluate("getSelection().toString()").strip() == "secret = 1"


def test_time_beside_a_long_name_is_on_one_line(room: Room, chromium: Browser) -> None:
    room.open()
    room.alice.send_message("Hello")
    expect(room.bob.words()).to_have_text(["Hello"])
    context = on_another_screen(chromium, room.server, "phone", "light", of=room.bob.page)
    page = context.new_page()
    page.goto(room.path)
    page.locator(".message__name").first.evaluate(
        "name => (name.textContent = 'Bartholomäus Maximilian von '.repeat(9))"
    )

    time = page.locator(".message__time").first.bounding_box()
    assert time
    assert time["height"] < 30
    assert time["x"] + time["width"] <= 390 - 8, "all of it is on the screen"
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    context.close()


def test_found_messages_have_the_times_of_the_users_own_time_zone(room: Room, chromium: Browser) -> None:
    talk(room, 1)
    state = room.bob.page.context.storage_state()
    shown = []
    for zone in ("Asia/Kolkata", "America/St_Johns"):
        context = chromium.new_context(base_url=room.server.url, timezone_id=zone, storage_state=state)
        page = context.new_page()
        page.goto("/chat/search/?q=line")
        time = page.locator(".found time").first
        moment = time.get_attribute("datetime")
        expected = page.evaluate(
            "moment => new Date(moment).toLocaleTimeString('en-GB', {hour: '2-digit', minute: '2-digit'})", moment
        )
        day = "moment => new Date(moment).toDateString() === new Date().toDateString()"
        if page.evaluate(day, moment):  # a message of an earlier day shows the weekday instead
            expect(time).to_have_text(expected)
        shown.append(time.inner_text())
        context.close()
    assert len(set(shown)) == 2


def test_new_room_appears_in_the_list_of_an_added_member(room: Room) -> None:
    room.bob.page.goto("/chat/")
    title = f"Surprise {next(numbers)}"
    expect(room.bob.listed(title)).to_have_count(0)

    create_room(room.alice.page.context, title, room.bob.email)

    expect(room.bob.listed(title)).to_be_visible()


def test_typing_is_shown_and_disappears_by_itself(room: Room) -> None:
    room.open()
    alice = room.alice
    bob = BrowserUser(page_with_clock(room.bob.page, room.server), room.bob.email)
    bob.page.goto(room.path)
    bob.be_live()
    typing = bob.page.get_by_text("Alice is typing…")

    alice.field().press_sequentially("Hm")
    expect(typing).to_be_visible()
    expect(alice.page.get_by_text("is typing…")).to_have_count(0)
    bob.page.clock.fast_forward(6000)
    expect(typing).to_have_count(0)

    alice.page.reload()
    alice.be_live()
    alice.field().press_sequentially("m")
    expect(typing).to_be_visible()
    alice.field().press("Enter")
    expect(bob.words()).to_have_text(["Hmm"])
    expect(typing).to_have_count(0)
    bob.page.context.close()


def test_presence_is_counted(room: Room) -> None:
    room.open()

    expect(room.alice.page.get_by_text("2 here")).to_be_visible()
    room.bob.page.goto("/chat/")
    expect(room.alice.page.get_by_text("2 here")).to_be_hidden()


def test_removed_member_sees_a_notice_leaves_the_page_and_receives_nothing_more(room: Room) -> None:
    room.open()
    alice, bob = room.alice, room.bob
    alice.page.get_by_role("link", name=re.compile("Members")).click()

    alice.page.get_by_label("Options for Bob").click()
    alice.page.get_by_role("button", name="Remove from the room").click()

    expect(alice.page.get_by_text("Bob is not in the room any more.")).to_be_visible()
    bob.page.wait_for_url("/chat/")
    expect(bob.page.get_by_text(re.compile("You were removed from “Room"))).to_be_visible()
    expect(bob.page.locator(f'[data-room-row="{room.pk}"]')).to_have_count(0)
    bob.page.reload()
    expect(bob.page.get_by_text(re.compile("You were removed from"))).to_have_count(0)


def test_members_page_follows_what_happens(room: Room) -> None:
    room.bob.page.goto(f"{room.path}members/")
    room.bob.be_live()
    room.alice.page.goto(f"{room.path}members/")

    room.alice.page.get_by_label("Options for Bob").click()
    room.alice.page.get_by_role("button", name="Make admin").click()

    expect(room.bob.page.get_by_label("Options for Bob")).to_be_visible()
    expect(room.bob.page.get_by_role("listitem").filter(has_text="Bob").get_by_text("Admin")).to_be_visible()


def test_users_are_mentioned_by_keys_and_it_shows(room: Room) -> None:
    room.open()
    alice, bob = room.alice, room.bob

    alice.field().press_sequentially("Look, @b")
    expect(alice.page.get_by_role("option", name="Bob")).to_be_visible()
    alice.field().press("Escape")
    expect(alice.page.get_by_role("listbox")).to_be_hidden()
    alice.field().press_sequentially("o")
    expect(alice.page.get_by_role("option", name="Bob")).to_be_visible()
    alice.field().press("Enter")
    expect(alice.field()).to_have_value("Look, @Bob ")
    alice.field().press("Enter")

    expect(bob.log().locator(".message--names-me")).to_contain_text("Look, @Bob")
    bob.send_message("What, @Alice")  # the text ends with a full name, so no suggestions are shown
    expect(alice.words()).to_have_text(["Look, @Bob", "What, @Alice"])
    expect(alice.log().locator(".message--names-me")).to_contain_text("What, @Alice")
    expect(alice.log().locator(".message--names-me")).to_have_count(1)
    expect(alice.log().locator(".message--names-me .mention")).to_have_css("display", "inline")


def test_new_members_with_a_shared_name_are_distinguished_at_once(
    room: Room, chromium: Browser, server: Server
) -> None:
    room.open()
    alice, bob = room.alice, room.bob
    bob.send_message("I am the first")
    mark = alice.row("I am the first").locator("[data-namesake]")
    expect(alice.row("I am the first")).to_be_visible()
    expect(mark).to_be_hidden()

    other = open_browser(chromium, server, [], "bob")
    members = f"/api/chat/{room.pk}/members/"
    headers = csrf(alice.page.context)
    added = alice.page.context.request.post(members, data={"user": other.email}, headers=headers).json()
    expect(mark).to_have_text(re.compile(r"^#\d+$"))
    alice.field().press_sequentially("@bob")
    for email in (bob.email, other.email):
        expect(alice.page.get_by_role("option").filter(has_text=email)).to_be_visible()
    alice.page.get_by_role("option").filter(has_text=other.email).click()
    expect(alice.field()).to_have_value(f"@bob#{added['userId']} ")
    alice.field().fill("")
    alice.page.reload()
    expect(mark).to_be_visible()

    alice.be_live()
    assert alice.page.context.request.delete(f"{members}{added['id']}/", headers=headers).ok
    expect(mark).to_be_hidden()
    other.page.context.close()


def test_enter_sends_and_with_shift_breaks_the_line(room: Room) -> None:
    room.open()

    room.alice.field().press_sequentially("One")
    room.alice.field().press("Shift+Enter")
    room.alice.field().press_sequentially("Two")
    room.alice.field().press("Enter")

    expect(room.bob.log().locator(".message br")).to_have_count(1)
    assert messages_of(room) == ["One\nTwo"]


def test_long_room_opens_at_its_end_and_older_messages_come_without_a_jump(room: Room) -> None:
    talk(room, 150)
    bob = room.bob  # Bob has sent all messages
    bob.page.goto(room.path)
    bob.be_live()
    expect(bob.row("Line 149.")).to_be_in_viewport()
    # Some browsers don't keep the scroll position when content is added above.
    bob.page.evaluate("document.querySelector('[data-log]').style.overflowAnchor = 'none'")
    held: list[Route] = []
    bob.page.route("**/messages/*before=*", lambda route: held.append(route), times=1)

    with bob.page.expect_request("**/messages/*before=*"):
        bob.page.evaluate("document.querySelector('[data-log]').scrollTop = 200")
    before = bob.row("Line 110.").bounding_box()
    held[0].continue_()
    expect(bob.words()).to_have_count(100)

    after = bob.row("Line 110.").bounding_box()
    assert before
    assert after
    assert abs(before["y"] - after["y"]) < 2
    for _ in range(3):
        bob.page.evaluate("document.querySelector('[data-log]').scrollTop = 0")
    expect(bob.words()).to_have_count(150)
    expect(bob.words()).to_have_text([f"Line {number}." for number in range(150)])
    expect(bob.page.get_by_text(re.compile("This is the start of"))).to_be_attached()


def test_room_with_unread_messages_opens_at_the_first_of_them_and_only_what_was_seen_is_read(room: Room) -> None:
    talk(room, 30)
    read_all(room.alice, room)
    talk(room, 120)
    alice = room.alice

    alice.page.goto(room.path)
    alice.be_live()

    expect(alice.log().locator("[data-line=unread]")).to_be_in_viewport()
    expect(alice.log().locator("[data-line=unread] + .message")).to_contain_text("Line 0.")
    expect(alice.row("Line 29.").first).to_be_in_viewport()
    expect(alice.row("Line 119.")).to_have_count(0)
    button = alice.page.get_by_role("button", name=re.compile(r"Jump to latest \(\d+ new\)"))
    expect(button).to_be_visible()
    with alice.page.expect_request("**/read/") as stored:
        pass
    assert stored.value.response().ok  # type: ignore[union-attr]  # it was answered
    assert 90 <= unread_of(alice, room) <= 118, "what was on the screen is read, and nothing below it"

    alice.page.evaluate("document.querySelector('[data-log]').scrollBy(0, 300)")
    expect(alice.log().locator("[data-line=unread] + .message")).to_contain_text("Line 0.")
    button.click()
    expect(alice.row("Line 119.")).to_be_in_viewport()
    expect(alice.page.get_by_role("button", name=re.compile("Jump to latest"))).to_be_hidden()
    alice.page.goto("about:blank")  # leaving the page stores the read position
    alice.page.goto("/chat/")
    assert unread_of(alice, room) == 0


def test_page_that_is_not_looked_at_reads_nothing(room: Room) -> None:
    alice, bob = room.alice, room.bob
    room.open()
    alice.page.evaluate("document.hasFocus = () => false")

    bob.send_message("While you look elsewhere")

    expect(alice.row("While you look elsewhere")).to_be_in_viewport()
    expect(alice.log().locator("[data-line=unread] + .message")).to_contain_text("While you look elsewhere")
    unread = alice.page.locator(f'[data-room-row="{room.pk}"] [data-row-unread]')
    expect(unread).to_have_text("1 unread")
    alice.page.evaluate("document.hasFocus = () => true")
    with alice.page.expect_request("**/read/"):
        alice.page.evaluate("window.dispatchEvent(new Event('focus'))")
    expect(unread).to_be_hidden()


def test_room_of_ten_thousand_messages_keeps_three_hundred_rows(room: Room) -> None:
    fill(room, 10_000)
    alice = room.alice
    alice.page.goto(room.path)
    alice.be_live()
    expect(alice.row("Line 9999.")).to_be_in_viewport()
    log = alice.page.locator("[data-log]")

    for _ in range(8):
        first = alice.words().first.inner_text()
        log.evaluate("log => (log.scrollTop = 0)")
        expect(alice.words().first).not_to_have_text(first)
    assert alice.words().count() <= 300
    expect(alice.row("Line 9999.")).to_have_count(0)
    shown = log.evaluate(FIRST_ON_SCREEN)
    talk(room, 1, first=10_000)
    expect(alice.page.get_by_role("button", name="Jump to latest (1 new)")).to_be_visible()
    assert log.evaluate(FIRST_ON_SCREEN) == shown, "nothing jumps"

    for _ in range(12):
        last = alice.words().last.inner_text()
        log.evaluate("log => (log.scrollTop = log.scrollHeight)")
        if last == "Line 10000.":
            break
        expect(alice.words().last).not_to_have_text(last)
    expect(alice.row("Line 10000.")).to_be_in_viewport()
    lines = [int(re.sub(r"\D", "", text)) for text in alice.words().all_inner_texts()]
    assert lines == list(range(lines[0], 10_001)), "each once, in order"
    assert len(lines) <= 300
    alice.send_message("Line 10001.")
    expect(alice.row("Line 10001.")).to_be_in_viewport()


# Returns the first visible row and its position.
FIRST_ON_SCREEN = """log => {
    const top = log.getBoundingClientRect().top;
    const first = [...log.querySelectorAll(".message")].find((row) => row.getBoundingClientRect().bottom > top);
    return [first.innerText, Math.round(first.getBoundingClientRect().top)];
}"""


def read_all(user: BrowserUser, room: Room) -> None:
    context = user.page.context
    newest = context.request.get(f"/api/chat/{room.pk}/messages/?limit=1").json()["results"][0]["id"]
    path = f"/api/chat/{room.pk}/read/"
    assert context.request.post(path, data={"messageId": newest}, headers=csrf(context)).ok


def unread_of(user: BrowserUser, room: Room) -> int:
    return int(user.page.context.request.get(f"/api/chat/{room.pk}/").json()["unreadCount"])


def fill(room: Room, count: int) -> None:
    """Stores `count` messages of Bob, and marks them as read by all members."""
    room.server.manage(
        "shell",
        "-c",
        "from chat.models import ChatMessage, GroupChat\n"
        f"room = GroupChat.objects.get(pk={room.pk})\n"
        "bob = room.members.order_by('-pk').first().user\n"
        "ChatMessage.objects.bulk_create(ChatMessage(group_chat=room, author=bob, number=n + 1,\n"
        f"    content=f'Line {{n}}.', content_html=f'<p>Line {{n}}.</p>') for n in range({count}))\n"
        f"GroupChat.objects.filter(pk=room.pk).update(last_number={count})\n"
        f"room.members.update(last_read_number={count}, last_read_message_id=room.messages.newest().pk)\n",
    )


def test_reader_further_up_stays_there_and_sees_the_number_of_new_messages(room: Room) -> None:
    talk(room, 60)
    room.open()
    alice, bob = room.alice, room.bob
    bob.page.evaluate("document.querySelector('[data-log]').scrollTop = 200")
    expect(bob.page.get_by_role("button", name="Jump to latest")).to_be_visible()
    top = bob.page.evaluate("document.querySelector('[data-log]').scrollTop")

    alice.send_message("One")
    alice.send_message("Two")

    button = bob.page.get_by_role("button", name="Jump to latest (2 new)")
    expect(button).to_be_visible()
    assert bob.page.evaluate("document.querySelector('[data-log]').scrollTop") >= top
    expect(bob.row("Two")).not_to_be_in_viewport()
    button.click()
    expect(bob.row("Two")).to_be_in_viewport()
    expect(button).to_be_hidden()
    expect(bob.log().locator("[data-line=unread] + .message")).to_contain_text("One")


def test_search_results_are_shown_in_their_place(room: Room) -> None:
    talk(room, 90)
    alice = room.alice
    alice.page.goto(room.path)
    alice.be_live()
    alice.page.locator("h1").click()

    alice.page.keyboard.press("/")
    expect(alice.page.get_by_label("Search what was said in my rooms")).to_be_focused()
    alice.page.keyboard.type("line 20")
    alice.page.keyboard.press("Enter")
    alice.page.get_by_role("main").get_by_role("link", name=re.compile("Line 20")).first.click()

    expect(alice.log().locator(".message--found")).to_have_text(re.compile(r"Line 20\."))
    expect(alice.log().locator(".message--found")).to_be_in_viewport()
    alice.be_live()
    room.bob.page.goto(room.path)
    room.bob.send_message("Further down")
    expect(alice.page.get_by_role("button", name=re.compile(r"Jump to latest \(\d+ new\)"))).to_be_visible()
    alice.page.get_by_role("button", name=re.compile(r"Jump to latest \(\d+ new\)")).click()
    expect(alice.row("Further down")).to_be_in_viewport()


def test_rooms_and_members_need_no_javascript(room: Room, chromium: Browser) -> None:
    session = room.alice.page.context.storage_state()
    context = chromium.new_context(java_script_enabled=False, storage_state=session, base_url=room.server.url)
    page = context.new_page()

    page.goto("/chat/")
    page.get_by_label("Name").fill("Plain")
    page.get_by_role("button", name="Create room").click()
    page.get_by_role("link", name="Members: 1").click()
    page.get_by_label("E-mail").fill("nobody@example.com")
    page.get_by_role("button", name="Add to the room").click()
    expect(page.get_by_text("No account uses this e-mail")).to_be_visible()
    page.get_by_label("E-mail").fill(room.bob.email)
    page.get_by_role("button", name="Add to the room").click()
    expect(page.get_by_text("Bob is in the room now.")).to_be_visible()
    page.get_by_label("Options for Bob").click()
    page.get_by_role("button", name="Transfer ownership").click()
    page.get_by_role("button", name="Leave this room").click()
    expect(page.get_by_text("You have left “Plain”.")).to_be_visible()
    context.close()


@pytest.mark.parametrize(("size", "scheme"), [("wide", "dark"), ("phone", "light")])
def test_pages_are_accessible_in_every_state(room: Room, chromium: Browser, size: str, scheme: Scheme) -> None:
    context = on_another_screen(chromium, room.server, size, scheme, of=room.alice.page)
    alice = BrowserUser(context.new_page(), room.alice.email)
    alice.page.goto(room.path)
    alice.be_live()
    check(alice.page)  # the room has no messages yet
    room.bob.page.goto(room.path)
    room.bob.send_message("A **long** " + "x" * 120 + " word, @Alice\n\n```python\nprint(1)\n```")
    room.bob.send_message("مرحبا")
    alice.send_message("Mine")
    expect(alice.words()).to_have_count(3)
    for path in ("/chat/", room.path, f"{room.path}members/", f"{room.path}settings/", "/chat/search/?q=long"):
        alice.page.goto(path)
        check(alice.page)
    alice.page.get_by_role("main").get_by_role("link", name=re.compile("word")).first.click()
    alice.be_live()
    check_rules(alice.page)  # the room opened from a search result
    alice.field().press_sequentially("@b")
    expect(alice.page.get_by_role("option", name="Bob")).to_be_visible()
    check_rules(alice.page)
    alice.field().fill("")
    alice.field().press("ArrowUp")
    check_rules(alice.page)  # while a message is being edited
    alice.page.keyboard.press("Escape")
    context.set_offline(True)
    alice.send_message("Not yet")
    expect(alice.row("Not yet")).to_contain_text("Waiting for connection")
    check_rules(alice.page)
    context.close()


def test_list_and_room_are_two_pages_on_a_phone(room: Room) -> None:
    page = room.alice.page
    page.set_viewport_size({"width": 390, "height": 844})

    page.goto("/chat/")
    expect(page.get_by_role("main")).to_be_hidden()
    page.locator(f'[data-room-row="{room.pk}"] a').click()
    expect(room.alice.field()).to_be_visible()
    expect(page.get_by_role("complementary")).to_be_hidden()
    page.get_by_role("link", name="All rooms").click()
    expect(page.get_by_role("complementary")).to_be_visible()
    page.get_by_role("link", name="New").click()
    expect(page.get_by_role("button", name="Create room")).to_be_visible()
    page.set_viewport_size({"width": 1280, "height": 800})


def talk(room: Room, count: int, *, first: int = 0) -> None:
    """Sends `count` messages as Bob."""
    context = room.bob.page.context
    headers = csrf(context)
    for number in range(first, first + count):
        context.request.post(f"/api/chat/{room.pk}/messages/", data={"content": f"Line {number}."}, headers=headers)
