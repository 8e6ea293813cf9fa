"""A page that loads slowly is first painted when it is complete, so that nothing moves while it loads."""

import threading
from collections.abc import Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
from playwright.sync_api import Browser

from tests.servers import Server

HELD = "/login"
HAS_ITS_STYLES = """() => document.querySelector("main")
    && [...document.querySelectorAll("link[rel=stylesheet]")].every((link) => link.sheet)"""
# Twenty requests take long enough for a paint that nothing holds back.
IS_BUSY = """async () => { for (let turn = 0; turn < 20; turn++) await fetch("/healthz"); }"""
PAINTED_AFTER_IT_ARRIVED = """() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime
    - performance.getEntriesByType("navigation")[0].responseEnd"""


class SlowLine(ThreadingHTTPServer):
    """A proxy that forwards the server's responses. It holds back the second half of one page until the test releases
    it.
    """

    def __init__(self, server: Server) -> None:
        super().__init__(("127.0.0.1", 0), SlowAnswer)
        self.behind = server
        self.second_half = threading.Event()
        self.url = f"http://127.0.0.1:{self.server_port}"


class SlowAnswer(BaseHTTPRequestHandler):
    server: SlowLine

    def do_GET(self) -> None:
        answer = httpx.get(self.server.behind.url + self.path)
        self.send_response(answer.status_code)
        self.send_header("Content-Type", answer.headers["Content-Type"])
        self.send_header("Content-Length", str(len(answer.content)))
        self.end_headers()
        half = answer.content.index(b"<form") if self.path == HELD and answer.status_code == HTTPStatus.OK else 0
        self.wfile.write(answer.content[:half])
        if half:
            self.server.second_half.wait(timeout=30)
        self.wfile.write(answer.content[half:])

    def log_message(self, *words: object) -> None:
        pass


@pytest.fixture
def line(server: Server) -> Iterator[SlowLine]:
    with SlowLine(server) as line:
        threading.Thread(target=line.serve_forever).start()
        yield line
        line.second_half.set()
        line.shutdown()


def test_half_a_page_is_not_painted(line: SlowLine, chromium: Browser) -> None:
    page = chromium.new_page()
    page.goto(line.url + HELD, wait_until="commit")
    page.wait_for_function(HAS_ITS_STYLES, polling=50)
    page.evaluate(IS_BUSY)
    line.second_half.set()

    page.wait_for_function(f"({PAINTED_AFTER_IT_ARRIVED})() > 0", polling=50)
    page.close()
