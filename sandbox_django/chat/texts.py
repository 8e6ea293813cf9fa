"""Words taken out of what somebody said."""

import re
from html import unescape

from django.utils.html import format_html, format_html_join, strip_tags
from django.utils.safestring import SafeString

EXCERPT_LENGTH = 160  # characters
BEFORE_FOUND = 40

# The language of a block of code, and the button that copies it.
CAPTION = re.compile(r"<figcaption>.*?</figcaption>", re.DOTALL)
CUT_TAG = re.compile(r"<[^>]*\Z")


def excerpt(html: str) -> str:
    """The first words of a message on one line, from its HTML, which may end anywhere."""
    return _shortened(_words_in(html))


def around(html: str, wanted: str) -> SafeString:
    """The words of a message around those that were searched for, and those marked."""
    places = re.compile("|".join(map(re.escape, sorted(wanted.split(), key=len, reverse=True))), re.IGNORECASE)
    words = _words_in(html)
    first = places.search(words)
    start = max(0, first.start() - BEFORE_FOUND) if first else 0
    line = ("…" if start else "") + _shortened(words[start:])
    parts, end = [], 0
    for place in places.finditer(line):
        parts += [line[end : place.start()], format_html("<mark>{}</mark>", place[0])]
        end = place.end()
    return format_html_join("", "{}", ((part,) for part in [*parts, line[end:]]))


def _words_in(html: str) -> str:
    return " ".join(unescape(strip_tags(CUT_TAG.sub("", CAPTION.sub("", html)))).split())


def _shortened(line: str) -> str:
    return line if len(line) <= EXCERPT_LENGTH else f"{line[:EXCERPT_LENGTH].rstrip()}…"
