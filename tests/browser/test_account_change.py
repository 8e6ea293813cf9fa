"""After another account signs in in one tab, an older tab of the same browser must not act as the new account."""

import re
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from test_utils.openai_test_utils import FakeOpenAI, streams
from tests.browser.conftest import browser_of_ones_own
from tests.browser.steps import PASSWORD, be_live, register, start_conversation
from tests.servers import Server

OTHER_ACCOUNT = re.compile("signed in with a different account")
SIGNED_OUT = re.compile("been signed out")


@dataclass
class Tabs:
    """Two tabs of Alice's browser. Bob has an account, and will sign in in the second tab."""

    first: Page
    second: Page
    bob: str

    def be_bob(self) -> None:
        """Signs in as Bob. Alice's device stays signed in, so the socket of her tab stays open."""
        self.second.context.clear_cookies()
        self.second.goto("/login")
        self.second.get_by_label("E-mail").fill(self.bob)
        self.second.get_by_label("Password").fill(PASSWORD)
        self.second.get_by_role("button", name="Sign in").click()
        self.second.wait_for_url("/chat/")

    def sign_out_everywhere(self) -> None:
        self.second.context.clear_cookies()
        self.second.goto("/assistants/")


@pytest.fixture
def tabs(context: BrowserContext, chromium: Browser, server: Server) -> Tabs:
    elsewhere = browser_of_ones_own(chromium, server, [])
    bob = register(elsewhere.new_page(), "Bob")
    elsewhere.close()
    first = context.new_page()
    register(first, "Alice")
    return Tabs(first, context.new_page(), bob)


def problem(page: Page) -> Locator:
    return page.locator("[data-problem]:visible")


def test_a_topic_is_not_posted_as_the_other_account(tabs: Tabs) -> None:
    page = tabs.first
    page.goto("/discussion/new/")
    page.get_by_label("Title").fill("Whose is this?")
    page.get_by_label("Text").fill("It is Alice's.")
    tabs.be_bob()

    page.locator("[data-submit]").click()

    expect(problem(page)).to_have_text(OTHER_ACCOUNT)
    expect(page.get_by_label("Title")).to_have_value("Whose is this?")
    expect(page.get_by_label("Text")).to_have_value("It is Alice's.")
    tabs.second.goto("/discussion/")
    expect(tabs.second.get_by_text("Whose is this?")).to_have_count(0)
    # Bob must not find Alice's draft.
    tabs.second.goto("/discussion/new/")
    expect(tabs.second.get_by_label("Title")).to_have_value("")


def test_a_reply_and_a_vote_are_not_those_of_the_other_account(tabs: Tabs) -> None:
    page = tabs.first
    topic = post(page, "/api/discussion/", title="Mine", content="?")
    page.goto(f"/discussion/{topic['id']}/")
    be_live(page)
    page.get_by_label("Your reply").fill("A reply of Alice")
    tabs.be_bob()

    page.get_by_role("button", name="Reply", exact=True).click()

    expect(problem(page)).to_have_text(OTHER_ACCOUNT)
    expect(page.get_by_label("Your reply")).to_have_value("A reply of Alice")
    tabs.second.goto(page.url.partition("#")[0])
    expect(tabs.second.locator("[data-replies] > article")).to_have_count(0)


def test_a_vote_is_not_counted_for_the_other_account(tabs: Tabs, chromium: Browser, server: Server) -> None:
    elsewhere = browser_of_ones_own(chromium, server, [])
    author = elsewhere.new_page()
    register(author, "Carol")
    topic = post(author, "/api/discussion/", title="Vote for me", content="?")
    elsewhere.close()
    page = tabs.first
    page.goto(f"/discussion/{topic['id']}/")
    be_live(page)
    tabs.be_bob()

    page.locator("#question [data-up]").click()

    expect(problem(page)).to_have_text(OTHER_ACCOUNT)
    expect(page.locator("#question [data-count]")).to_have_text("0")


def test_a_message_is_not_sent_as_the_other_account(tabs: Tabs) -> None:
    page = tabs.first
    room = post(page, "/api/chat/", title="Tea")
    post(page, f"/api/chat/{room['id']}/members/", user=tabs.bob)  # Alice and Bob are members
    page.goto(f"/chat/{room['id']}/")
    be_live(page)
    tabs.be_bob()

    field = page.get_by_role("textbox", name=re.compile("^Message to"))
    field.fill("Says Alice")
    field.press("Enter")

    row = page.get_by_role("log").get_by_role("article").filter(has_text="Says Alice")
    expect(row).to_contain_text(OTHER_ACCOUNT)
    tabs.second.goto(page.url)
    be_live(tabs.second)
    # Alice's message is not sent as Bob, and Bob isn't offered it as unsent.
    expect(tabs.second.get_by_text("Says Alice")).to_have_count(0)


def test_a_question_is_not_asked_as_the_other_account_nor_as_a_visitor(tabs: Tabs, model: FakeOpenAI) -> None:
    page = tabs.first
    model.script(streams("Twelve minutes."), streams("Rice"))
    start_conversation(page)
    expect(page.get_by_text("Twelve minutes.")).to_be_visible()
    field = page.get_by_label("Your question")
    tabs.be_bob()

    field.fill("Asked by Alice")
    field.press("Enter")
    expect(problem(page)).to_have_text(OTHER_ACCOUNT)

    tabs.sign_out_everywhere()
    field.press("Enter")
    expect(problem(page)).to_have_text(SIGNED_OUT)
    expect(field).to_have_value("Asked by Alice")


def test_the_first_question_of_a_page_does_not_become_a_visitors(tabs: Tabs) -> None:
    page = tabs.first
    page.goto("/assistants/")
    field = page.get_by_label("Your question")
    field.fill("Asked by Alice")
    tabs.sign_out_everywhere()

    field.press("Enter")

    expect(problem(page)).to_have_text(SIGNED_OUT)
    expect(field).to_have_value("Asked by Alice")
    tabs.second.goto("/assistants/")
    expect(tabs.second.get_by_label("Your question")).to_have_value("")


def test_the_account_and_a_rooms_settings_are_left_alone(tabs: Tabs) -> None:
    page = tabs.first
    room = post(page, "/api/chat/", title="Tea")
    page.goto(f"/chat/{room['id']}/settings/")
    page.locator("textarea[name=description]").fill("Typed by Alice")
    account = page.context.new_page()
    account.goto("/account")
    account.get_by_label("Name").fill("Alice L.")
    tabs.be_bob()

    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Your account has changed")).to_be_visible()
    expect(page.get_by_label("Description")).to_have_value("Typed by Alice")

    account.get_by_role("button", name="Save").click()
    expect(account.get_by_role("heading", name="Your account has changed")).to_be_visible()
    expect(account.get_by_label("Display name")).to_have_value("Alice L.")
    account.get_by_role("link", name="Reload the page").click()
    expect(account.get_by_label("Name")).to_have_value("Bob")


def post(page: Page, path: str, **data: object) -> dict[str, object]:
    """Sends a request to the API with the page's cookies, but without the page."""
    (token,) = [cookie["value"] for cookie in page.context.cookies() if cookie["name"] == "csrftoken"]
    answer = page.context.request.post(path, data=data, headers={"X-CSRFToken": token})
    assert answer.ok, answer.text()
    made: dict[str, object] = answer.json()
    return made


def test_times_are_those_of_the_browsers_time_zone(chromium: Browser, server: Server) -> None:
    context = chromium.new_context(base_url=server.url, timezone_id="Pacific/Kiritimati")
    page = context.new_page()
    register(page)

    cookies = {cookie["name"]: cookie["value"] for cookie in context.cookies()}

    assert cookies["time_zone"] == "Pacific/Kiritimati"
    context.close()
