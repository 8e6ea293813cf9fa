"""Cleans the text of an answer: removes reasoning, and characters that can't be stored."""

import re

# Matches only at the start of an answer. Later in the text, or in code, the tag is part of the answer.
OPENING = re.compile(r"<(think|thinking|thought)>", re.ASCII | re.IGNORECASE)
LONGEST_OPENING = "<thinking>"
OPENINGS = ("<think>", "<thinking>", "<thought>")
# Ends reasoning without an opening tag: the templates of some models put the opening tag into the prompt.
LONE_CLOSING = re.compile(r"</(?:think|thinking|thought)>[ \t]*\r?\n", re.ASCII | re.IGNORECASE)
MAX_LEADING_SPACE = 1_000  # characters of whitespace that may precede the opening tag


def storable(text: str) -> str:
    """Returns `text` without the characters that PostgreSQL can't store: NUL, and halves of surrogate pairs."""
    if "\x00" in text:
        text = text.replace("\x00", "")
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def without_unopened_thoughts(text: str) -> str:
    """Returns a complete answer without the reasoning that ends with a lone `</think>` at the end of a line.

    While the answer is streamed, such reasoning can't be distinguished from text. The text is not changed if it has an
    opening tag or more than one closing tag, if the tag is in a code block, or if no text follows it.
    """
    closing = LONE_CLOSING.search(text)
    if closing is None or OPENING.search(text) or LONE_CLOSING.search(text, closing.end()):
        return text
    thoughts, answer = text[: closing.start()], text[closing.end() :].lstrip()
    return text if not answer or thoughts.count("```") % 2 else answer


class AnswerText:
    """Turns the chunks of an answer into text that can be shown and stored."""

    __slots__ = ("_half", "_reasoning")

    def __init__(self) -> None:
        self._half = ""  # the first half of a surrogate pair; the second may be in the next chunk
        self._reasoning = ReasoningFilter()

    @property
    def reasoning_size(self) -> int:
        """The number of bytes of reasoning that were removed."""
        return self._reasoning.reasoning_size

    def feed(self, chunk: str) -> str:
        if self._half:
            chunk = self._half + chunk
            self._half = ""
        if chunk and "\ud800" <= chunk[-1] <= "\udbff":
            chunk, self._half = chunk[:-1], chunk[-1]
        return self._reasoning.feed(storable(chunk))

    def close(self) -> str:
        """Returns the text that was held back."""
        return self._reasoning.feed(storable(self._half)) + self._reasoning.close()


class ReasoningFilter:
    """Removes `<think>…</think>` from the start of an answer, also if a tag is split over several chunks."""

    __slots__ = ("_closing", "_had_reasoning", "_held", "_is_answering", "reasoning_size")

    def __init__(self) -> None:
        self._held = ""
        self._closing: re.Pattern[str] | None = None  # while in reasoning: the tag that ends it
        self._had_reasoning = False
        self._is_answering = False
        self.reasoning_size = 0  # bytes of reasoning

    def feed(self, text: str) -> str:
        if self._is_answering:
            return text
        self._held += text
        while True:
            if self._closing is not None:
                if not self._skip_reasoning(self._closing):
                    return ""
                continue
            start = self._held.lstrip()
            if opening := OPENING.match(start):
                self._had_reasoning = True
                self._closing = re.compile(f"</{opening[1]}>", re.ASCII | re.IGNORECASE)
                self._held = start[opening.end() :]
                continue
            if len(self._held) < MAX_LEADING_SPACE and _may_become_opening(start):
                return ""
            self._is_answering = True
            return self._take_held()

    def close(self) -> str:
        """Returns the text that was held back because it could have been the start of an opening tag."""
        return "" if self._closing is not None or not self._held.strip() else self._take_held()

    def _skip_reasoning(self, closing: re.Pattern[str]) -> bool:
        """Drops the reasoning in the held text; returns whether the reasoning has ended."""
        if end := closing.search(self._held):
            self._closing = None
            self.reasoning_size += len(self._held[: end.start()].encode(errors="replace"))
            self._held = self._held[end.end() :]
            return True
        kept = len(LONGEST_OPENING)  # characters; they may be the first half of the closing tag
        self.reasoning_size += len(self._held[:-kept].encode(errors="replace"))
        self._held = self._held[-kept:]
        return False

    def _take_held(self) -> str:
        held, self._held = self._held, ""
        # Drops the blank lines between reasoning and answer.
        return held.lstrip() if self._had_reasoning else held


def _may_become_opening(start: str) -> bool:
    return any(opening.startswith(start.lower()) for opening in OPENINGS)
