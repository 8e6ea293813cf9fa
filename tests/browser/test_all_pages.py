"""Checks that every page is accessible, fits on a phone, and doesn't shift its layout."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from test_utils.openai_test_utils import FakeOpenAI, Gate, disconnects, streams
from tests.browser.conftest import SIZES, Scheme, on_another_screen
from tests.browser.steps import ask, be_live, register, start_conversation
from tests.servers import Server

RULES = ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]
MARKDOWN = """# Rice

Take **one part** of rice and `1.25` parts of water, see https://sandbox.example/.

```python
def water(cups: float) -> float:
    return cups * 1.25  # and not a drop more, whatever anybody says about it in the comments below
```

| rice | water | minutes |
|---|--:|--:|
| jasmine | 1 | 4 |
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_pages_are_accessible(chromium: Browser, server: Server, model: FakeOpenAI, size: str, scheme: Scheme) -> None:
    # Checks layout shifts, contrast, and pages that are wider than the phone.
    context = on_another_screen(chromium, server, size, scheme)
    page = context.new_page()
    for path in ("/", "/chat/", "/assistants/", "/login", "/register", "/nowhere/", "/password_reset/"):
        page.goto(path)
        check(page)
    register(page)
    model.script(streams(MARKDOWN), streams("Cooking rice"), disconnects("Broken"), streams("Brown rice."))
    start_conversation(page)
    expect(page.locator(".message--answer table")).to_be_visible()
    ask(page, "And brown rice?")
    expect(page.locator(".message--answer .notice")).to_be_visible()
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_text("Brown rice.")).to_be_visible()
    for path in (page.url, "/assistants/", "/account", "/password_change/"):
        page.goto(path)
        check(page)
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_assistant_is_accessible_in_every_state(
    chromium: Browser, server: Server, model: FakeOpenAI, size: str, scheme: Scheme
) -> None:
    context = on_another_screen(chromium, server, size, scheme)
    page = context.new_page()
    register(page)
    gate = Gate()
    broken = disconnects("Twelve minu")
    model.script(
        streams("Twelve minutes."),
        streams("Cooking rice"),
        streams(MARKDOWN, "\nAnd", gate, "."),
        broken,
        streams("Longer."),
    )
    start_conversation(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("Cooking rice")
    ask(page, "As a table, please")
    expect(page.locator(".message--answer table")).to_be_visible()
    check_rules(page)  # while the answer is being written, with finished blocks
    gate.open()
    expect(page.get_by_role("button", name="Send")).to_be_visible()
    ask(page, "And brown rice?")
    expect(page.locator(".message--answer .notice")).to_be_visible()
    check_rules(page)  # after the answer has failed
    page.get_by_role("button", name="Try again").locator("visible=true").click()
    expect(page.get_by_text("2 of 2")).to_be_visible()
    expect(page.get_by_role("button", name="Send")).to_be_visible()
    context.set_offline(True)
    ask(page, "Anybody there?")
    expect(page.get_by_role("alert")).to_be_visible()
    check_rules(page)  # offline, with several attempts at one answer
    context.set_offline(False)
    page.get_by_label("Conversation options").click()
    check_rules(page)  # with the menu open
    page.get_by_role("button", name="Rename", exact=True).click()
    expect(page.get_by_role("dialog")).to_be_visible()
    check_rules(page)
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    page.wait_for_url("/assistants/")
    expect(page.get_by_role("button", name="Undo")).to_be_visible()
    check_rules(page)  # the empty list, with the button that undoes the deletion
    page.get_by_role("button", name="Undo").click()
    page.wait_for_url(re.compile(r"/assistants/[0-9a-f-]{36}/$"))
    page.goto("/assistants/?search=nothing-like-it")
    expect(page.get_by_text("No conversations match “nothing-like-it”.")).to_be_visible()
    check_rules(page)
    context.close()


def check(page: Page) -> None:
    page.wait_for_load_state("networkidle")
    check_rules(page)
    assert page.evaluate("window.shift") < 0.01, f"{page.url}\n{page.evaluate('window.shifted')}"


def check_rules(page: Page) -> None:
    found = Axe().run(page, options={"runOnly": RULES, "resultTypes": ["violations"]})
    assert found.violations_count == 0, f"{page.url}\n{found.generate_report()}"
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0, page.url


def test_admin_works_under_our_policy(page: Page, server: Server) -> None:
    # If the policy blocks a script or style, the `page` fixture fails the test.
    server.manage("shell", "-c", "from accounts.models import User; User.objects.create_superuser('root@x.org', 'pw')")
    page.goto("/admin/login/?next=/admin/accounts/user/")
    page.get_by_label("E-mail").fill("root@x.org")
    page.get_by_label("Password").fill("pw")
    page.get_by_role("button", name="Log in").click()

    expect(page.get_by_role("heading", name=re.compile("Select user"))).to_be_visible()
    check_rules(page)
    page.get_by_role("link", name="root@x.org").first.click()
    expect(page.get_by_role("button", name="Save", exact=True)).to_be_visible()
    page.set_viewport_size({"width": 390, "height": 844})
    page.emulate_media(color_scheme="dark")
    for path in ("/admin/", "/admin/assistants/assistantmessage/", "/admin/live/feedevent/"):
        page.goto(path)
        check_rules(page)


def test_keyboard_gets_to_the_content_first(page: Page) -> None:
    page.goto("/")

    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")

    expect(page.get_by_role("link", name="Try the assistant")).to_be_focused()


def test_conversation_restored_by_the_back_button_is_live_again(page: Page, model: FakeOpenAI) -> None:
    model.script(streams("Twelve minutes."), streams("Cooking rice"))
    start_conversation(page)
    expect(page.get_by_text("Twelve minutes.")).to_be_visible()

    page.goto("/")
    page.go_back()

    be_live(page)
    expect(page.get_by_text("Twelve minutes.")).to_be_visible()
