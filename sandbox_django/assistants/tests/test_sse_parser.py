"""The parser of streamed answers reads bytes that are split at any position."""

import json

from django.test import SimpleTestCase
from hypothesis import given
from hypothesis import strategies as st

from assistants.llm.sse_parser import AnswerParser

ENDS = ["\n\n", "\r\n\r\n"]


def event(content: str, end: str = "\n\n") -> str:
    chunk = {"choices": [{"index": 0, "delta": {"content": content}, "finish_reason": None}]}
    return f"data: {json.dumps(chunk, ensure_ascii=False)}{end}"


class AnswerParserTests(SimpleTestCase):
    @given(
        st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=8)),
        st.sampled_from(ENDS),
        st.lists(st.integers(1, 9)),
    )
    def test_text_is_the_same_wherever_it_was_cut(self, texts: list[str], end: str, sizes: list[int]) -> None:
        stream = ("".join(event(text, end) for text in texts) + f": hi{end}data: [DONE]{end}").encode()
        parser = AnswerParser()
        chunks, rest = [], stream
        for size in sizes:
            chunks.append(parser.feed(rest[:size]))
            rest = rest[size:]
        chunks += [parser.feed(rest[at : at + 1]) for at in range(len(rest))]

        assert "".join(chunks) == "".join(texts)
        assert (parser.is_done, parser.is_invalid, parser.events) == (True, False, len(texts))

    @given(st.binary())
    def test_it_survives_anything(self, garbage: bytes) -> None:
        parser = AnswerParser()

        parser.feed(event("Hello").encode() + garbage)
        parser.feed(b"\n\ndata: " + garbage + b"\n\n")

    def test_nothing_after_the_end_is_read(self) -> None:
        parser = AnswerParser()

        text = parser.feed((event("Hello") + "data: [DONE]\n\n" + event("never")).encode())

        assert (text, parser.is_done) == ("Hello", True)

    def test_text_before_an_invalid_event_is_kept(self) -> None:
        for nonsense in ("data: nonsense", "data: {", "data: []", 'data: {"choices":[{"delta":{"content":7}}]}'):
            with self.subTest(nonsense):
                parser = AnswerParser()

                text = parser.feed((event("Hello") + nonsense + "\n\n").encode())

                assert (text, parser.is_invalid) == ("Hello", True)
