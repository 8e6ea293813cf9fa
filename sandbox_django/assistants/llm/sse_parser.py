"""Parses answers of OpenAI-compatible servers: a stream of server-sent events, or one JSON document."""

import json
from typing import Any

import structlog
from pydantic_core import from_json

from assistants.llm.base import MAX_COUNT

logger = structlog.get_logger(__name__)

MAX_EVENT_SIZE = 4 * 1024 * 1024  # bytes of one event, or of an answer that isn't streamed

# The field for reasoning has no standard name. Servers send one of these fields, or several with the same text.
REASONING_FIELDS = (
    "reasoning_content",
    "reasoning",
    "thinking",
    "reasoning_text",
    "thinking_blocks",
    "reasoning_details",
)
BYTE_ORDER_MARK = "\ufeff"


class AnswerParser:
    """Parses the bytes of one answer, which may be split at any position, into the answer's text.

    It does little work per token: bytes that arrived together are decoded at once and returned as one text, and the
    usual event (one `data:` line) takes the shortest path. It never raises, since the text before an error is still
    shown.
    """

    __slots__ = (
        "_ends_with_return",
        "_has_text",
        "_is_document",
        "_rest",
        "error",
        "events",
        "finish_reason",
        "is_done",
        "is_invalid",
        "reasoning_size",
        "usage",
    )

    def __init__(self) -> None:
        self._rest = b""
        self._ends_with_return = False
        self._is_document: bool | None = None  # True for one JSON document, False for a stream, None if unknown
        self._has_text = False
        self.events = 0
        self.is_done = False
        self.is_invalid = False
        self.reasoning_size = 0  # bytes of reasoning, which isn't part of the answer
        # The values that the server sent, unchecked.
        self.finish_reason: Any = None
        self.usage: Any = None
        self.error: Any = None

    @property
    def end_reason(self) -> str:
        """The finish reason; empty until the answer has ended."""
        return str(self.finish_reason or ("stop" if self.is_done else ""))

    @property
    def counts(self) -> tuple[int, int] | None:
        """The reported input and output tokens, as numbers that can be stored; None if the server reports none."""
        return _counts(self.usage)

    def feed(self, data: bytes) -> str:
        """Returns the text of the events that these bytes complete."""
        if self._ends_with_return or b"\r" in data:  # JSON escapes "\r", so this one ends a line
            data = self._with_newlines(data)
        if self._rest:
            data = self._rest + data
        if self._is_document is None and (start := data.lstrip(b" \t\n\xef\xbb\xbf")):
            self._is_document = start.startswith(b"{")
        if self._is_document:
            complete, self._rest = b"", data
        else:
            complete, _, self._rest = data.rpartition(b"\n\n")
        if len(self._rest) > MAX_EVENT_SIZE:
            self.is_invalid, self._rest = True, b""
        return self._read_all(complete.decode(errors="replace").split("\n\n")) if complete else ""

    def close(self) -> str:
        """Returns the text of the last event, if no blank line followed it, or of a document. Call it at the end."""
        rest, self._rest = self._rest.decode(errors="replace").strip(), b""
        if not rest or self.is_done or self.error or self.is_invalid:
            return ""
        if self._is_document:
            return self._read_document(rest)
        text = self._read_all([rest])
        if self.is_invalid:
            self.is_invalid = False  # the body ended inside an event, which the missing finish reason shows
        return text

    def _with_newlines(self, data: bytes) -> bytes:
        if self._ends_with_return:
            data = data.removeprefix(b"\n")
        self._ends_with_return = data.endswith(b"\r")
        return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def _read_all(self, events: list[str]) -> str:
        texts: list[str] = []
        try:
            for event in events:
                if text := self._read(event):
                    texts.append(text)
                if self.error or self.is_done:
                    break  # the rest isn't part of the answer
        except (AttributeError, LookupError, TypeError, ValueError):  # not JSON, or not an answer
            self.is_invalid = True
        return "".join(texts)

    def _read(self, event: str) -> str:
        name = ""
        if event.startswith("data: {") and "\n" not in event:
            data = event[6:]
        else:
            name, data = _fields(event)
            if data.startswith("[DONE]"):
                self.is_done = True
                return ""
            if not data:
                return ""
        return self._read_chunk(_loads(data), is_error=name == "error")

    def _read_document(self, document: str) -> str:
        """Reads an answer that the server didn't stream, although the request asked for a stream."""
        try:
            chunk = _loads(document.removeprefix(BYTE_ORDER_MARK))
            text = self._read_chunk(chunk)
            self.is_invalid = not self.error and "choices" not in chunk
        except (AttributeError, LookupError, TypeError, ValueError):
            self.is_invalid = True
            return ""
        self.is_done = not self.is_invalid
        return text

    def _read_chunk(self, chunk: Any, *, is_error: bool = False) -> str:
        choices = chunk.get("choices")
        self.events += 1
        # Some servers send the running total in every chunk, so the last total counts, not the sum.
        if usage := chunk.get("usage"):
            self.usage = usage
        if error := chunk.get("error"):
            self.error = error
        elif is_error or "error" in (chunk.get("object"), chunk.get("type")):
            self.error = chunk
        if not choices:
            return ""
        choice = choices[0]
        if choice.get("index"):  # part of a second answer, which was not requested
            choice = next((one for one in choices if not one.get("index")), {})
        if error := choice.get("error"):
            self.error = error
        if reason := choice.get("finish_reason"):
            self.finish_reason = reason
            self.usage = choice.get("usage") or self.usage  # where some servers put the usage
        # An answer that isn't streamed is in "message". Some servers repeat a streamed answer there at its end.
        if not (delta := choice.get("delta") or (None if self._has_text else choice.get("message"))):
            return ""
        text = content if isinstance(content := delta.get("content"), str) else self._text_of(content)
        if refusal := delta.get("refusal"):
            text += self._text_of(refusal)
        if text:
            self._has_text = True
        else:
            self._count_reasoning(delta)
        return text

    def _count_reasoning(self, delta: dict[str, Any]) -> None:
        for name in REASONING_FIELDS:
            if reasoning := delta.get(name):
                self.reasoning_size += _size(reasoning)
                return

    def _text_of(self, content: Any) -> str:
        """Returns the text of content that is a list of parts."""
        if content is None:
            return ""
        if isinstance(content, str):
            return content
        texts: list[str] = []
        for part in [content] if isinstance(content, dict) else content:
            if isinstance(part, str):
                texts.append(part)
            elif part.get("type") in ("thinking", "reasoning", "redacted_thinking"):
                self.reasoning_size += _size(part)
            elif isinstance(text := part.get("text") or part.get("refusal"), str):
                texts.append(text)
        return "".join(texts)


def _fields(event: str) -> tuple[str, str]:
    """Returns an event's name and its data."""
    name, data = "", []
    for line in event.removeprefix(BYTE_ORDER_MARK).split("\n"):
        if line.startswith("data:"):
            data.append(line[5:])
        elif line.startswith("event:"):
            name = line[6:].strip()
    return name, "\n".join(data).strip()


def _size(reasoning: Any) -> int:
    text = reasoning if isinstance(reasoning, str) else json.dumps(reasoning, ensure_ascii=False)
    return len(text.encode(errors="replace"))


def _loads(data: str) -> Any:
    try:
        return from_json(data)  # twice as fast as `json`, which matters for each token
    except ValueError:
        return json.loads(data)  # accepts half of a surrogate pair, which a server may send


def _counts(usage: Any) -> tuple[int, int] | None:
    if not isinstance(usage, dict):
        return None
    prompt, completion, total = (
        _count(usage.get(name)) for name in ("prompt_tokens", "completion_tokens", "total_tokens")
    )
    if prompt is None and completion is None and total is None:
        return None
    if prompt is None and total is not None:
        prompt = max(total - (completion or 0), 0)
    return prompt or 0, completion or 0


def _count(reported: Any) -> int | None:
    """Returns a count that the database can store; None if the server reports no number."""
    if reported is None:
        return None
    if isinstance(reported, bool) or not isinstance(reported, int | float | str):
        logger.warning("usage_not_a_number", kind=type(reported).__name__)
        return None
    try:
        number = int(float(reported)) if not isinstance(reported, int) else reported
    except (ValueError, OverflowError):
        logger.warning("usage_not_a_number", kind=type(reported).__name__)
        return None
    if not 0 <= number <= MAX_COUNT:
        logger.warning("usage_out_of_range", is_negative=number < 0)
    return min(max(number, 0), MAX_COUNT)
