"""Fixtures of the browser tests: Chromium, a server with its own data, and a scripted model.

If a page has raised an error or sent a request to another site, the test fails when it ends.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, TypeAlias

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Dialog,
    Page,
    Playwright,
    ViewportSize,
    expect,
    sync_playwright,
)

from test_utils.openai_test_utils import FakeOpenAI
from test_utils.socket_contract import recorder
from tests.servers import Server

Scheme: TypeAlias = Literal["light", "dark"]

SIZES: dict[str, ViewportSize] = {"wide": {"width": 1280, "height": 800}, "phone": {"width": 390, "height": 844}}
WATCH_SHIFTS = """
    window.shift = 0;
    window.shifted = [];
    new PerformanceObserver((list) => {
        for (const entry of list.getEntries().filter((entry) => !entry.hadRecentInput)) {
            window.shift += entry.value;
            for (const { node, previousRect, currentRect } of entry.sources) {
                const what = (node?.outerHTML ?? node?.textContent)?.slice(0, 120);
                window.shifted.push([entry.startTime, what, previousRect.toJSON(), currentRect.toJSON()]);
            }
        }
    }).observe({ type: "layout-shift", buffered: true });
"""
# If its first connection is late, a page fetches once what it may have missed. On a busy machine every connection is
# late, so this makes pages 20 s younger. Tests of late connections move the clock by more than that.
NEVER_LATE_BY_LOAD = """
    const begun = performance.timeOrigin + 20_000;
    Object.defineProperty(performance, "timeOrigin", { get: () => begun });
"""
# In the headless shell, a new browser context takes a third of the CPU time that it takes in the other programs.
CHROMIUMS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
# The browser itself logs these messages for unsuccessful responses, which some tests cause on purpose.
EXPECTED_NOISE = ("Failed to load resource", "WebSocket connection to")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="session")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    path = next(filter(None, map(shutil.which, CHROMIUMS)), None)
    assert path, f"None of {', '.join(CHROMIUMS)} is on PATH: the browser tests can't run."
    browser = playwright.chromium.launch(
        executable_path=path, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    )
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def model() -> Iterator[FakeOpenAI]:
    """Supplies the model that answers the questions of all tests. A test begins with `model.script(…)`."""
    with FakeOpenAI.in_thread() as server:
        yield server


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, model: FakeOpenAI) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("server"), OPENAI_BASE_URL=model.url) as running:
        yield running


@pytest.fixture
def context(chromium: Browser, server: Server) -> Iterator[BrowserContext]:
    """Supplies one user's browser, whose pages share the session."""
    expect.set_options(timeout=10_000)
    complaints: list[str] = []
    context = browser_of_ones_own(chromium, server, complaints)
    yield context
    context.close()
    assert complaints == []


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


def browser_of_ones_own(
    browser: Browser, server: Server, complaints: list[str], *, javascript: bool = True
) -> BrowserContext:
    context = browser.new_context(
        base_url=server.url, viewport={"width": 1280, "height": 800}, java_script_enabled=javascript
    )
    context.set_default_timeout(10_000)
    context.add_init_script(NEVER_LATE_BY_LOAD)
    watch(context, server, complaints)
    return context


def on_another_screen(
    browser: Browser, server: Server, size: str, scheme: Scheme, *, of: Page | None = None
) -> BrowserContext:
    """Opens a browser of this size and colour scheme that measures layout shifts. With `of`, it has that page's
    session.
    """
    context = browser.new_context(
        base_url=server.url,
        viewport=SIZES[size],
        color_scheme=scheme,
        has_touch=size == "phone",
        is_mobile=size == "phone",
        reduced_motion="reduce",
        storage_state=of.context.storage_state() if of else None,
    )
    context.add_init_script(NEVER_LATE_BY_LOAD)
    context.add_init_script(WATCH_SHIFTS)
    return context


def page_with_clock(of: Page, server: Server, time: str | None = None) -> Page:
    """Opens a page whose clock a test can move, with the session of `of`, in a context of its own.

    A clock is installed for a whole context, whose later pages would all seem to have connected late.
    """
    assert of.context.browser is not None
    context = of.context.browser.new_context(base_url=server.url, storage_state=of.context.storage_state())
    context.set_default_timeout(10_000)
    page = context.new_page()
    page.clock.install(time=time)
    return page


def watch(context: BrowserContext, server: Server, complaints: list[str]) -> None:
    """Adds each error, dialog and request to another site in the context's pages to `complaints`."""

    def listen(page: Page) -> None:
        page.on("pageerror", lambda error: complaints.append(f"error: {error}"))
        page.on("console", lambda message: complain_about(message, complaints))
        page.on("dialog", lambda dialog: close_and_complain(dialog, complaints))
        page.on("request", lambda request: stay_here(request.url, server, complaints))
        recorder.listen_to_page(page)

    context.on("page", listen)


def close_and_complain(dialog: Dialog, complaints: list[str]) -> None:
    complaints.append(f"dialog: {dialog.message}")
    dialog.dismiss()


def complain_about(message: ConsoleMessage, complaints: list[str]) -> None:
    if message.type == "error" and not message.text.startswith(EXPECTED_NOISE):
        complaints.append(f"console: {message.text}")


def stay_here(url: str, server: Server, complaints: list[str]) -> None:
    if not url.startswith((server.url, "data:", "blob:")):
        complaints.append(f"request to another host: {url}")
