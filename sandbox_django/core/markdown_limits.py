"""Limits the time for rendering one Markdown text, and the size of its HTML."""

import time
from collections.abc import MutableMapping
from typing import Any

# CPU seconds of the calling thread for parsing and highlighting one text. Ordinary prose takes 3 µs per character.
SECONDS = 0.2
CHECK_INTERVAL = 0.002  # seconds between two checks, because reading a thread's CPU time is a slow system call
PAUSE = 0.02  # CPU seconds; more between two checks is due to a garbage collection, since no rule takes so long
MAX_PAUSES = 0.3

# The maximum length of the HTML: characters per character of Markdown, additional characters, and the total limit.
GROWTH = 10
GROWTH_FREE = 20_000
LONGEST_HTML = 800_000

# Cells of all tables in one text. A row may omit its cells, so a short text could create 100,000 cells.
MAX_CELLS = 4_000

# Levels of nested blocks. A quote is one level and a list two levels. Markers of deeper blocks stay text.
MAX_BLOCK_LEVEL = 20

# Levels of nested emphasis. The sanitiser's time grows with the square of this number.
MAX_INLINE_LEVEL = 30


class TooComplex(Exception):
    """Rendering the text exceeds its budget, so the text is shown as written."""


class Budget:
    """The remaining time, HTML and table cells for rendering one text."""

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
        if used - self._last_used > PAUSE:  # a garbage collection, which is not charged to the text
            credit = min(used - self._last_used, self._credit)
            self._credit -= credit
            self._deadline += credit
        self._last_used = used
        if used > self._deadline:
            raise TooComplex  # each further call raises it again
        self._next_check = now + CHECK_INTERVAL

    def extend(self, seconds: float) -> None:
        """Adds the time of work that is done only once per process."""
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
