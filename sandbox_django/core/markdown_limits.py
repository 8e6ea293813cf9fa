"""Bounds on the work that one Markdown text may cost, and on the HTML that it may become."""

import time
from collections.abc import MutableMapping
from typing import Any

# CPU seconds of the calling thread for parsing and highlighting one text. Ordinary prose takes 3 µs a character.
SECONDS = 0.2
CHECK_INTERVAL = 0.002  # seconds between two checks: reading a thread's CPU time is a system call, which can be slow
PAUSE = 0.02  # CPU seconds between two checks; no rule takes so long, so it must be a garbage collection
MAX_PAUSES = 0.3

# Characters of HTML per character of Markdown, a fixed amount on top of that, and the most for any text.
GROWTH = 10
GROWTH_FREE = 20_000
LONGEST_HTML = 800_000

# Cells of all tables in one text. An empty cell takes no character, so a short text could ask for 100,000.
MAX_CELLS = 4_000

# A quote is one level and a list two. Deeper markers stay text.
MAX_BLOCK_LEVEL = 20

# Emphasis inside emphasis. The sanitiser's time grows with the square of it.
MAX_INLINE_LEVEL = 30


class TooComplex(Exception):
    """The text costs more than its budget. It is shown as it was written."""


class Budget:
    """The work that is left for one text."""

    __slots__ = ("_cells", "_credit", "_deadline", "_html", "_last_used", "_next_check", "longest_html")

    def __init__(self, text: str) -> None:
        self._last_used = time.thread_time()
        self._deadline = self._last_used + SECONDS
        self._credit = MAX_PAUSES
        self._next_check = 0.0
        self._cells = MAX_CELLS
        self.longest_html = self._html = min(GROWTH * len(text) + GROWTH_FREE, LONGEST_HTML)

    def check_time(self) -> None:
        now = time.perf_counter()
        if now < self._next_check:
            return
        used = time.thread_time()
        if used - self._last_used > PAUSE:  # a garbage collection, which isn't caused by the text
            credit = min(used - self._last_used, self._credit)
            self._credit -= credit
            self._deadline += credit
        self._last_used = used
        if used > self._deadline:
            raise TooComplex  # raised again at each further call
        self._next_check = now + CHECK_INTERVAL

    def extend(self, seconds: float) -> None:
        """Adds to the budget the time of work that is done once per process."""
        self._deadline += seconds

    def has_cells(self, count: int) -> bool:
        return count <= self._cells

    def use_cells(self, count: int) -> None:
        self._cells -= count

    def use_html(self, length: int) -> None:
        """Counts HTML that repeats a part of the source: a link's target, a footnote's references."""
        self._html -= length
        if self._html < 0:
            raise TooComplex


def budget_of(env: MutableMapping[str, Any]) -> Budget:
    budget: Budget = env["budget"]
    return budget
