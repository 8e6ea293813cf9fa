"""Shortens messages for lists and search results."""

import re
from collections.abc import Sequence
from html import unescape
from unicodedata import normalize

from django.utils.html import format_html, format_html_join, strip_tags
from django.utils.safestring import SafeString

from core.search_text import matches_in

EXCERPT_LENGTH = 160  # characters
BEFORE_FOUND = 40

# The header of a code block, which contains its language and the copy button.
CAPTION = re.compile(r"<figcaption>.*?</figcaption>", re.DOTALL)
CUT_TAG = re.compile(r"<[^>]*\Z")


def excerpt(html: str) -> str:
    """Returns the beginning of a message as one line of text. The HTML may be cut off anywhere."""
    return _shortened(_plain_text(html))


def excerpt_around(html: str, words: Sequence[str]) -> SafeString:
    """Returns the part of a message around the first match of a search, and marks all matches in it."""
    text = normalize("NFC", _plain_text(html))
    found = matches_in(text, words)
    start = max(0, found[0][0] - BEFORE_FOUND) if found else 0
    end = start + EXCERPT_LENGTH
    parts, at = [("…" if start else "")], start
    for first, last in found:
        if first >= end:
            break
        parts += [text[at:first], format_html("<mark>{}</mark>", text[first : min(last, end)])]
        at = min(last, end)
    parts += [text[at:end].rstrip() if end < len(text) else text[at:], "…" if end < len(text) else ""]
    return format_html_join("", "{}", ((part,) for part in parts))


def _plain_text(html: str) -> str:
    return " ".join(unescape(strip_tags(CUT_TAG.sub("", CAPTION.sub("", html)))).split())


def _shortened(line: str) -> str:
    return line if len(line) <= EXCERPT_LENGTH else f"{line[:EXCERPT_LENGTH].rstrip()}…"
