"""Rules for names, titles and messages in any script."""

import unicodedata

from django.core.exceptions import ValidationError

# Characters that fonts show as nothing, although Unicode classifies them as letters, marks or symbols.
BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
# Embeddings, overrides and isolates, which change the direction of the text around a name.
BIDI_CONTROLS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
MAX_MARKS = 4  # combining marks on one letter; Vietnamese, Hebrew and Thai need two or three in NFC


def clean_name(text: str) -> str:
    """Returns a name or title in NFC without surrounding whitespace; raises `ValidationError` if it is unreadable."""
    name = unicodedata.normalize("NFC", text).strip()
    if not is_visible(name):
        raise ValidationError("Use at least one visible character.", code="invisible")
    if any(map(_is_control, name)):
        raise ValidationError("Line breaks and control characters aren't allowed here.", code="control_characters")
    if _has_stacked_marks(name):
        raise ValidationError("There are too many accents on one letter.", code="too_many_marks")
    return name


def readable(text: str) -> str:
    """Makes a generated text valid as a name: removes control characters, and joins the words with single spaces."""
    kept = (char for char in unicodedata.normalize("NFC", text) if not _is_control(char) or char.isspace())
    return " ".join("".join(kept).split())


def is_visible(text: str) -> bool:
    """Returns whether the text has at least one visible character."""
    return any(char not in BLANK and unicodedata.category(char)[0] not in "CZM" for char in text)


def is_tag(name: str) -> bool:
    """Returns whether `name` is a valid tag: a word in any script, which may also have the characters . + # - _."""
    is_word = all(
        char.isalnum() or char in "_.+#-\u200c\u200d" or unicodedata.category(char)[0] == "M" for char in name
    )
    return is_word and is_visible(name) and not _has_stacked_marks(name)


def _is_control(char: str) -> bool:
    return char in BIDI_CONTROLS or unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp")


def _has_stacked_marks(text: str) -> bool:
    marks = 0
    for char in text:
        marks = marks + 1 if unicodedata.category(char) in ("Mn", "Me") else 0
        if marks > MAX_MARKS:
            return True
    return False
