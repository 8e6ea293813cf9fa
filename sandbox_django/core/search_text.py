"""Full-text search with the same results on every database: it compares normalised texts and queries.

A searchable row has its normalised text in a column (`core.fields.SearchTextField`). A query is a list of words, all of
which must occur in that text, at any position. On PostgreSQL, a trigram index finds the words if the extension pg_trgm
is installed.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Self, TypeVar
from unicodedata import category, normalize

from django.db import connection
from django.db.models import Q, QuerySet, Value
from django.db.models.functions import StrIndex
from django.db.models.lookups import GreaterThan

RowsType = TypeVar("RowsType", bound="QuerySet[Any]")

# These limits are needed because an attacker can choose texts whose comparison takes time proportional to the product
# of both lengths.
MAX_LENGTH = 250  # characters of a normalised query; the rest is ignored
MAX_GROWTH = 2  # characters that normalising may produce for each character of a text
FREE_GROWTH = 200  # characters in addition to MAX_GROWTH, because a single character may become 18
MAX_WORDS = 32  # words of a query; the shortest words beyond this are ignored

TERM = re.compile(r'(-?)"([^"]+)"|(\S+)')
INDEXABLE = re.compile(r"[a-z0-9]{3}")  # three characters that pg_trgm indexes in every locale

# Marks that are optional in writing, which are removed. Marks that change the word are kept, such as the vowel signs of
# Indic scripts, the tone marks of Thai and the voicing marks of Japanese.
OPTIONAL_MARKS = [
    (0x0300, 0x036F),  # accents of Latin, Greek and Cyrillic
    (0x0483, 0x0489),  # Cyrillic
    (0x0591, 0x05BD),  # Hebrew points
    (0x05BF, 0x05BF),
    (0x05C1, 0x05C2),
    (0x05C4, 0x05C5),
    (0x05C7, 0x05C7),
    (0x0610, 0x061A),  # Arabic vowel marks, and the stroke that makes words longer
    (0x0640, 0x0640),
    (0x064B, 0x065F),
    (0x0670, 0x0670),
    (0x06D6, 0x06DC),
    (0x06DF, 0x06E4),
    (0x06E7, 0x06E8),
    (0x06EA, 0x06ED),
    (0x08D3, 0x08E1),
    (0x08E3, 0x08FF),
    (0x1AB0, 0x1AFF),  # more accents
    (0x1DC0, 0x1DFF),
    (0x20D0, 0x20F0),
    (0xFE20, 0xFE2F),
]
INVISIBLE = [
    (0x0000, 0x0000),
    (0x00AD, 0x00AD),  # soft hyphen
    (0x061C, 0x061C),
    (0x180B, 0x180F),
    (0x200B, 0x200F),  # zero width, and directions
    (0x202A, 0x202E),
    (0x2060, 0x2064),
    (0x2066, 0x206F),
    (0xFE00, 0xFE0F),  # variants of emoji and ideographs
    (0xFEFF, 0xFEFF),
    (0xE0000, 0xE01EF),
]
# Pairs of a letter that many keyboards lack and its replacement.
LETTERS = "ıi øo łl đd ðd ħh ŧt ŋn æae œoe þth ىي یي کك"  # noqa: RUF001  # these look-alikes are the data
# Plain punctuation, each with the variants that text editors put in its place.
PUNCTUATION = {"'": "‘’‚‛ʼ′", '"': "“”„‟″", "-": "‐‑‒–—−"}  # noqa: RUF001  # these look-alikes are the data
FOLDED: dict[int, str | None] = {
    **{point: None for first, last in OPTIONAL_MARKS + INVISIBLE for point in range(first, last + 1)},
    **{ord(pair[0]): pair[1:] for pair in LETTERS.split()},
    **{ord(mark): plain for plain, marks in PUNCTUATION.items() for mark in marks},
}


def searchable(text: str) -> str:
    """Returns the normalised text: without case and optional accents, and with one space between words."""
    return " ".join(_folded(text).split())[: MAX_GROWTH * len(text) + FREE_GROWTH]


def _folded(text: str) -> str:
    if text.isascii():
        return text.replace("\x00", "").lower()
    # Decomposed, so that marks are separate characters and can be removed; then composed again with the kept marks.
    text = normalize("NFKD", text).casefold()
    return normalize("NFKC", normalize("NFKD", text).translate(FOLDED)).lower()


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """The normalised words of a query. Words in quotes (`"two words"`) are one term; `-"term"` must not occur."""

    words: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        words: dict[str, None] = {}
        excluded: dict[str, None] = {}
        for minus, phrase, word in TERM.findall(_folded(text[:MAX_LENGTH])[:MAX_LENGTH]):
            term = " ".join((phrase or word).split())
            if term:
                (excluded if minus else words)[term] = None
        return cls(
            # The longest first, because they are the rarest.
            tuple(sorted(words, key=len, reverse=True)[:MAX_WORDS]),
            tuple(excluded)[:MAX_WORDS],
        )

    def __bool__(self) -> bool:
        return bool(self.words)

    def filter(self, rows: RowsType) -> RowsType:
        """Returns the rows whose `search_text` has all words and no excluded word; all rows for an empty query."""
        for word in self.words:
            rows = rows.filter(has_word(word))
        for word in self.excluded:
            rows = rows.exclude(has_word(word))
        return rows


def has_word(word: str) -> Q:
    """Returns the condition that `search_text` contains this normalised word."""
    if connection.vendor == "sqlite":
        # SQLite's LIKE can be a hundred times slower in the worst case, and can't be interrupted.
        return Q(GreaterThan(StrIndex("search_text", Value(word)), 0))
    return Q(search_text__contains=word)


def finds_by_index(name: str, words: Iterable[str]) -> bool:
    """Returns whether the database can find one of the words with this trigram index.

    If not, it compares every row, so callers limit the number of rows.
    """
    if connection.vendor != "postgresql" or not any(map(INDEXABLE.search, words)):
        return False
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_index WHERE indexrelid = to_regclass(%s) AND indisvalid", [name])
        return cursor.fetchone() is not None


def matches_in(text: str, words: Sequence[str]) -> list[tuple[int, int]]:
    """Returns the start and end of each match of these words in the text, in order and without overlaps."""
    folded, origins = _fold_with_origins(text)
    found = sorted((origins[at][0], origins[at + len(word) - 1][1]) for word in words for at in _places(word, folded))
    merged: list[tuple[int, int]] = []
    for start, end in found:
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _places(word: str, text: str) -> Iterator[int]:
    at = text.find(word)
    while at >= 0:
        yield at
        at = text.find(word, at + len(word))


def _fold_with_origins(text: str) -> tuple[str, list[tuple[int, int]]]:
    """Returns the normalised text, and for each of its characters the start and end of its source in `text`."""
    if text.isascii():
        return text.lower(), [(at, at + 1) for at in range(len(text))]
    folded: list[str] = []
    origins: list[tuple[int, int]] = []
    start = 0
    while start < len(text):
        end = start + 1
        while end < len(text) and _continues(text[end]):
            end += 1
        cluster = _fold_cluster(text[start:end])
        folded.append(cluster)
        origins += [(start, end)] * len(cluster)
        start = end
    return "".join(folded), origins


@lru_cache(4096)
def _fold_cluster(cluster: str) -> str:
    return _folded(cluster)


@lru_cache(4096)
def _continues(character: str) -> bool:
    """Returns whether the character belongs to the previous character: a mark, joiner or half-width voicing mark."""
    return category(character)[0] == "M" or character in "\u200d\uff9e\uff9f"
