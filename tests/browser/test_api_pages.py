"""Checks that both pages of the API documentation are readable in light and dark mode, and request no other host."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import SIZES, Scheme, on_another_screen
from tests.browser.test_all_pages import RULES
from tests.servers import Server

# Swagger renders each row as a button, with another button inside that copies the path.
BEYOND_US = {"nested-interactive"}


# Each size and each scheme is tested once, because axe is slow on so large a page.
@pytest.mark.parametrize(("size", "scheme"), list(zip(SIZES, ["light", "dark"], strict=True)))
def test_api_pages_are_accessible(chromium: Browser, server: Server, size: str, scheme: Scheme) -> None:
    context = on_another_screen(chromium, server, size, scheme)
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))

    page.goto("/api/schema/swg/")
    expect(page.locator("#operations-Assistant-askQuestion")).to_be_visible()
    check(page, scheme, ["body"])
    page.goto("/api/schema/redoc/")
    expect(page.locator("[id='operation/askQuestion']")).to_be_attached(timeout=30_000)
    # The rest of the page consists of elements like these.
    check(page, scheme, ["header", ".menu-content", ".api-info", "[id='tag/Account']"])

    assert [url for url in asked if not url.startswith((server.url, "data:", "blob:"))] == []
    context.close()


def check(page: Page, scheme: Scheme, parts: list[str]) -> None:
    violations = (
        Axe()
        .run(page, context={"include": [[part] for part in parts]}, options={"runOnly": RULES})
        .response["violations"]
    )
    assert {violation["id"] for violation in violations} - BEYOND_US == set()
    assert not page.evaluate("document.documentElement.scrollWidth > window.innerWidth"), "it is too wide"
    [red] = page.evaluate("getComputedStyle(document.querySelector('.viewer :is(h1, h2)')).color.match(/\\d+/g)")[:1]
    assert (int(red) > 128) == (scheme == "dark"), "its words are not of this scheme"
