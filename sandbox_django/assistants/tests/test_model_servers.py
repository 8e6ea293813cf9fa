"""Both transports have the same results with different OpenAI-compatible servers, over real HTTP."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from unittest import mock

from django.test import SimpleTestCase, override_settings
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from assistants.llm import client
from assistants.llm.answer_text import AnswerText
from assistants.llm.base import Turn, Usage
from assistants.llm.errors import ModelProblem
from assistants.llm.request_format import known_formats
from assistants.tests.test_ai_service import Received, ask, openai
from test_utils.openai_test_utils import Reply, disconnects, hangs, refuses, sends, streams

DIALOGUE = [Turn("system", "Be brief."), Turn("user", "Hi"), Turn("assistant", "Hello."), Turn("user", "Why?")]

if TYPE_CHECKING:
    Base = SimpleTestCase
else:
    Base = object  # prevents pytest from running the shared cases without a transport


def event(delta: dict[str, Any] | None = None, finish_reason: Any = None, **more: Any) -> bytes:
    choice = {"index": 0, "delta": delta or {}, "finish_reason": finish_reason}
    return b"data: " + json.dumps({"choices": [choice], **more}).encode() + b"\n\n"


def document(message: dict[str, Any], finish_reason: str | None = "stop", **more: Any) -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish_reason}
    return {"object": "chat.completion", "choices": [choice], **more}


HELLO, WORLD = event({"content": "Hello, "}), event({"content": "world."})
DONE = b"data: [DONE]\n\n"
STOP = event(finish_reason="stop")


class SharedCases(Base):
    def setUp(self) -> None:
        super().setUp()
        self.enterContext(mock.patch.object(client, "FIRST_BACKOFF", 0))
        known_formats.clear()

    async def received(self, *replies: Reply, turns: list[Turn] | None = None) -> Received:
        async with openai(*replies):
            return await ask(turns or DIALOGUE)

    async def assert_all(self, cases: Mapping[str, tuple[Reply, tuple[ModelProblem | None, str]]]) -> None:
        async with openai() as server:
            for name, (reply, expected) in cases.items():
                with self.subTest(name):
                    server.script(reply)

                    received = await ask(DIALOGUE)

                    assert (received.problem, received.text) == expected

    # --- Ends ---

    async def test_an_error_inside_a_success_is_a_failure_that_keeps_the_text(self) -> None:
        overloaded = {"message": "Overloaded", "code": 503}
        await self.assert_all(
            {
                "finish reason": (
                    sends(HELLO, event(finish_reason="error"), DONE),
                    (ModelProblem.OVERLOADED, "Hello, "),
                ),
                "upper case": (sends(HELLO, event(finish_reason="ERROR"), DONE), (ModelProblem.OVERLOADED, "Hello, ")),
                "in the choice": (
                    sends(HELLO, b'data: {"choices":[{"delta":{},"error":{"code":429,"message":"no"}}]}\n\n', DONE),
                    (ModelProblem.RATE_LIMITED, "Hello, "),
                ),
                "in the chunk": (
                    sends(HELLO, event({"content": ""}, "error", error=overloaded), DONE),
                    (ModelProblem.OVERLOADED, "Hello, "),
                ),
                "a text": (
                    sends(HELLO, b'data: {"error": "CUDA out of memory"}\n\n'),
                    (ModelProblem.OVERLOADED, "Hello, "),
                ),
                "by the event's name": (
                    sends(HELLO, b'event: error\ndata: {"message": "no", "code": "rate_limit_exceeded"}\n\n'),
                    (ModelProblem.RATE_LIMITED, "Hello, "),
                ),
                "by the object's name": (
                    sends(HELLO, b'data: {"object": "error", "message": "no", "code": 40303}\n\n'),
                    (ModelProblem.OVERLOADED, "Hello, "),
                ),
                "without a blank line": (
                    sends(HELLO, b'data: {"error": {"code": 402}}'),
                    (ModelProblem.QUOTA, "Hello, "),
                ),
                "a document": (Reply(error={"error": {"code": "insufficient_quota"}}), (ModelProblem.QUOTA, "")),
                "a list": (Reply(error={"error": {"type": "authentication_error"}}), (ModelProblem.AUTH, "")),
            }
        )

    async def test_ends_of_streams(self) -> None:
        whole = (None, "Hello, world.")
        cut_off = (ModelProblem.CUT_OFF, "Hello, world.")
        last = event({"content": "world."}, "stop")
        await self.assert_all(
            {
                "a last event without a blank line": (sends(HELLO, last.rstrip()), whole),
                "with one newline": (sends(HELLO, last[:-1]), whole),
                "DONE without a blank line": (sends(HELLO, WORLD, DONE.rstrip()), whole),
                "DONE without a finish reason": (sends(HELLO, WORLD, DONE), whole),
                "a finish reason without DONE": (sends(HELLO, WORLD, STOP), whole),
                "neither": (sends(HELLO, WORLD), cut_off),
                "in the middle of an event": (sends(HELLO, WORLD, b'data: {"choices": [{"del'), cut_off),
                "a connection that breaks after the end": (disconnects("Hello, ", "world.", STOP), whole),
                "DONE alone": (sends(DONE), (ModelProblem.EMPTY, "")),
                "only white space": (streams(" ", "\n"), (ModelProblem.EMPTY, "")),
                "nothing": (sends(), (ModelProblem.BAD_REPLY, "")),
                "only comments": (sends(b": hi\n\n"), (ModelProblem.BAD_REPLY, "")),
                "a reason of its own": (sends(HELLO, WORLD, event(finish_reason="eos_token"), DONE), whole),
                "tool calls with text": (sends(HELLO, WORLD, event(finish_reason="tool_calls"), DONE), whole),
                "tool calls alone": (sends(event(finish_reason="function_call"), DONE), (ModelProblem.EMPTY, "")),
                "safety": (sends(HELLO, event(finish_reason="SAFETY")), (ModelProblem.CONTENT_FILTERED, "Hello, ")),
                "no choices": (sends(b'data: {"choices": []}\n\n', HELLO, b'data: {"id":"x"}\n\n', WORLD, STOP), whole),
                "several choices": (
                    sends(
                        HELLO,
                        b'data: {"choices":[{"index":1,"delta":{"content":"Bye"},"finish_reason":"stop"}]}\n\n',
                        b'data: {"choices":[{"index":1,"delta":{"content":"x"}},'
                        b'{"index":0,"delta":{"content":"world."}}]}\n\n',
                        DONE,
                    ),
                    whole,
                ),
                "the whole message once more at the end": (
                    sends(
                        HELLO,
                        WORLD,
                        b'data: {"choices":[{"delta":{},"message":{"content":"Hello, world."},'
                        b'"finish_reason":"stop"}]}\n\n',
                    ),
                    whole,
                ),
            }
        )

    @override_settings(OPENAI_TOKEN_TIMEOUT=0.5)
    async def test_a_connection_that_stays_open_after_the_end_is_not_waited_for(self) -> None:
        received = await self.received(hangs("Hello, ", "world.", STOP))

        assert (received.problem, received.text) == (None, "Hello, world.")

    async def test_the_models_limit_is_recognised_by_all_its_names(self) -> None:
        for reason in ("length", "max_tokens", "MAX_TOKENS", "model_length"):
            received = await self.received(streams("Hello", finish_reason=reason))

            assert (received.problem, received.text, received.is_cut_short) == (None, "Hello", True)

    async def test_an_answer_that_is_not_streamed_is_accepted(self) -> None:
        usage = {"prompt_tokens": 3, "completion_tokens": 4}
        pretty = json.dumps(document({"content": "Hello, world."}, usage=usage), indent=1).encode()
        for name, reply in {
            "JSON": Reply(error=document({"content": "Hello, world."}, usage=usage)),
            "no finish reason": Reply(error=document({"content": "Hello, world."}, None, usage=usage)),
            "parts": Reply(error=document({"content": [{"type": "text", "text": "Hello, world."}]}, usage=usage)),
            "called a stream": sends(pretty),
            "with a byte order mark": sends(
                b"\xef\xbb\xbf\r\n" + pretty.replace(b"\n", b"\r\n"), content_type="application/json"
            ),
            "in pieces": sends(pretty[:50], pretty[50:], content_type="application/json", pause=0.01),
        }.items():
            with self.subTest(name):
                received = await self.received(reply)

                assert (received.problem, received.text, received.usage) == (None, "Hello, world.", Usage(3, 4))

    async def test_documents_that_are_no_answer(self) -> None:
        await self.assert_all(
            {
                "something else": (Reply(error={"detail": "Not Found"}), (ModelProblem.BAD_REPLY, "")),
                "half a document": (sends(b'{"choices": [{"mess'), (ModelProblem.BAD_REPLY, "")),
                "no choices": (Reply(error={"choices": []}), (ModelProblem.EMPTY, "")),
                "no text": (Reply(error=document({"content": None})), (ModelProblem.EMPTY, "")),
                "cut short": (Reply(error=document({"content": "Hel"}, "length")), (None, "Hel")),
            }
        )

    async def test_every_way_to_write_events(self) -> None:
        stream = HELLO + b": keep-alive\n\nid: 1\nevent: message\n" + WORLD + STOP + DONE
        lines = stream.replace(b'"choices": ', b'\ndata:"choices": ')
        for name, body in {
            "CR": stream.replace(b"\n", b"\r"),
            "CRLF": stream.replace(b"\n", b"\r\n"),
            "no space": stream.replace(b"data: ", b"data:"),
            "a byte order mark": b"\xef\xbb\xbf" + stream,
            "several lines of data": lines,
            "blank lines before": b"\n\n\n" + stream,
            "more blank lines": stream.replace(b"\n\n", b"\n\n\n"),
        }.items():
            for cut in (1, 7, len(body)):
                with self.subTest(name, cut=cut):
                    chunks = [body[at : at + cut] for at in range(0, len(body), cut)]
                    received = await self.received(sends(*chunks))

                    assert (received.problem, received.text) == (None, "Hello, world.")

    # --- Reasoning ---

    async def test_reasoning_is_no_part_of_the_answer(self) -> None:
        answer = event({"content": "Yes."}) + STOP + DONE
        await self.assert_all(
            {
                name: (sends(thoughts, answer), (None, "Yes."))
                for name, thoughts in {
                    "reasoning_content": event({"reasoning_content": "Hm."}) * 2,
                    "beside empty content": event({"reasoning_content": "Hm.", "content": None}),
                    "reasoning": event({"reasoning": "Hm.", "reasoning_details": [{"text": "Hm."}]}),
                    "thinking": event({"thinking": "Hm.", "content": ""}),
                    "parts": event({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}]}),
                    "tags": event({"content": "<think>Hm.\n"}) + event({"content": "</think>\n\n"}),
                    "cut tags": b"".join(
                        event({"content": part}) for part in [" <THIN", "king>H<m", ".</th", "inking", ">"]
                    ),
                    "empty tags": event({"content": "<think>\n\n</think>\n\n"}),
                    "both": event({"reasoning_content": "Hm."}) + event({"content": "\n<think>x</think>\n"}),
                }.items()
            }
            | {
                "not streamed": (
                    Reply(error=document({"content": "<think>Hm.</think>\nYes.", "reasoning_content": "Hm."})),
                    (None, "Yes."),
                ),
                "never ended": (streams("<think>", "Hm."), (ModelProblem.EMPTY, "")),
                "only reasoning": (sends(event({"reasoning": "Hm."}), STOP, DONE), (ModelProblem.EMPTY, "")),
            }
        )

    async def test_text_about_the_tags_stays(self) -> None:
        for text in (
            "`<think>` begins it.",
            "Models write <think>x</think>.",
            "```\n<think>\n```",
            "<thi",
            "  <b>Hi</b>",
        ):
            with self.subTest(text):
                assert (await self.received(streams(*text))).text == text

    @override_settings(OPENAI_TOKEN_TIMEOUT=0.6, OPENAI_FIRST_TOKEN_TIMEOUT=0.6)
    async def test_reasoning_is_activity(self) -> None:
        thoughts: dict[str, list[str | bytes]] = {
            "a field": [event({"reasoning_content": "Hm."})] * 5,
            "tags": ["<think>", "a", "b", "c", "d</think>"],
        }
        for name, steps in thoughts.items():
            with self.subTest(name):
                received = await self.received(streams(*steps, "Yes.", pause=0.25))

                assert (received.problem, received.text) == (None, "Yes.")

    @override_settings(OPENAI_THINKING_TIMEOUT=0.5)
    async def test_reasoning_without_an_end_is_not_waited_for(self) -> None:
        for step in (event({"reasoning_content": "Hm."}), "Hm."):
            async with openai(streams("<think>", *[step] * 100, pause=0.05)) as server:
                received = await ask()

                assert (received.problem, received.text, len(server.requests)) == (ModelProblem.TIMEOUT, "", 1)
                await server.requests[0].until_client_left()

    # --- Content ---

    async def test_content_in_parts_and_refusals_are_text(self) -> None:
        await self.assert_all(
            {
                name: (sends(chunk, STOP, DONE), (None, "Hello"))
                for name, chunk in {
                    "one part": event({"content": [{"type": "text", "text": "Hello"}]}),
                    "several": event(
                        {"content": [{"type": "text", "text": "Hel"}, {"type": "output_text", "text": "lo"}]}
                    ),
                    "beside others": event({"content": [{"type": "image_url", "image_url": {}}, {"text": "Hello"}]}),
                    "texts": event({"content": ["Hel", "lo"]}),
                    "no list": event({"content": {"type": "text", "text": "Hello"}}),
                    "a refusal": event({"refusal": "Hel", "content": None}) + event({"refusal": "lo"}),
                    "a refusal as a part": event({"content": [{"type": "refusal", "refusal": "Hello"}]}),
                }.items()
            }
            | {"not streamed": (Reply(error=document({"content": None, "refusal": "No."})), (None, "No."))}
        )

    async def test_halves_of_a_character_in_two_chunks_are_joined(self) -> None:
        assert (await self.received(streams("a\ud83d", "\ude42b", "\ud83d"))).text == "a🙂b�"

    async def test_reported_tokens_are_numbers_that_can_be_stored(self) -> None:
        cases: list[tuple[Any, Usage | None]] = [
            ({"prompt_tokens": 11, "completion_tokens": -35}, Usage(11, 0)),
            ({"prompt_tokens": 2**31, "completion_tokens": 10**400}, Usage(2**31 - 1, 2**31 - 1)),
            ({"prompt_tokens": "12", "completion_tokens": 3.0}, Usage(12, 3)),
            ({"prompt_tokens": True, "completion_tokens": "many"}, None),
            ({"prompt_tokens": 5, "completion_tokens": None}, Usage(5, 0)),
            ({"prompt_tokens": 1e400, "completion_tokens": [1]}, None),
            ({"total_tokens": 18}, Usage(18, 0)),
            ({"total_tokens": 18, "completion_tokens": 7}, Usage(11, 7)),
            ({"queue_time": 1}, None),
            ([1, 2], None),
            ("18", None),
        ]
        for reported, expected in cases:
            with self.subTest(reported=reported), capture_logs():
                received = await self.received(sends(HELLO, WORLD, event(finish_reason="stop", usage=reported), DONE))

                assert (received.problem, received.text, received.usage) == (None, "Hello, world.", expected)

    async def test_a_count_that_cannot_be_is_logged(self) -> None:
        with capture_logs() as logs:
            await self.received(sends(HELLO, event(finish_reason="stop", usage={"prompt_tokens": -35}), DONE))

        assert [log["is_negative"] for log in logs if log["event"] == "usage_out_of_range"] == [True]

    # --- What servers accept ---

    async def test_a_part_that_the_server_rejects_is_left_out_at_once_and_from_then_on(self) -> None:
        unsupported = "Unsupported parameter: '{}' is not supported with this model."
        rejected: dict[str, tuple[Reply, str]] = {
            "stream_options": (
                refuses(400, message="Unrecognized request argument supplied: stream_options"),
                "stream_options",
            ),
            "as pydantic says it": (
                Reply(status=422, error={"detail": [{"loc": ["body", "stream_options"], "msg": "Extra inputs"}]}),
                "stream_options",
            ),
            "as text": (Reply(status=400, error="unknown field `stream_options`"), "stream_options"),
            "max_tokens": (refuses(400, message=unsupported.format("max_tokens")), "max_tokens"),
            "in a success": (
                sends(b'data: {"error": {"code": 400, "message": "max_tokens is not allowed"}}\n\n'),
                "max_tokens",
            ),
        }
        for name, (rejection, part) in rejected.items():
            with self.subTest(name):
                known_formats.clear()
                async with openai(rejection, streams("Yes.")) as server:
                    received = [await ask(DIALOGUE), await ask(DIALOGUE)]

                assert [one.text for one in received] == ["Yes.", "Yes."]
                assert [part in request.body for request in server.requests] == [True, False, False]

    async def test_the_limit_is_sent_by_the_name_that_the_server_knows(self) -> None:
        old = refuses(
            400, "unsupported_parameter", "'max_tokens' is not supported. Use 'max_completion_tokens' instead."
        )
        new = refuses(400, message="Unknown parameter: max_completion_tokens")
        async with openai(old, new, streams("Yes.")) as server:
            received = await ask(DIALOGUE)

        limits = [{name for name in request.body if name.startswith("max")} for request in server.requests]
        assert received.text == "Yes."
        assert limits == [{"max_tokens"}, {"max_completion_tokens"}, set()]

    @override_settings(ASSISTANT_MAX_ANSWER_TOKENS=0)
    async def test_without_a_limit_none_is_sent(self) -> None:
        async with openai() as server:
            await ask(DIALOGUE)

        assert not [name for name in server.requests[0].body if name.startswith("max")]

    @override_settings(ASSISTANT_MAX_ANSWER_TOKENS=123)
    async def test_the_model_is_sent_the_limit(self) -> None:
        async with openai() as server:
            await ask(DIALOGUE)

        assert server.requests[0].body["max_tokens"] == 123

    async def test_a_limit_that_is_too_large_for_the_model_is_left_out(self) -> None:
        for message in (
            "max_tokens is too large: 16000. This model supports at most 4096 completion tokens.",
            "'max_tokens' or 'max_completion_tokens' is too large: 16000. "
            "This model's maximum context length is 4096 tokens and your request has 20 input tokens",
        ):
            with self.subTest(message):
                known_formats.clear()
                async with openai(refuses(400, message=message), streams("Yes.")) as server:
                    received = [await ask(DIALOGUE), await ask(DIALOGUE)]

                assert [one.problem for one in received] == [None, None]
                assert len(server.requests) == 3

    async def test_a_server_without_a_system_role_gets_the_prompt_with_the_first_question(self) -> None:
        for status, message in (
            (400, "System role not supported"),
            (500, "Jinja Exception: Conversation roles must alternate user/assistant/user/assistant/..."),
            (400, "Only user and assistant roles are supported!"),
            (400, "Unsupported value: 'messages[0].role' does not support 'system' with this model."),
            (400, "Developer instruction is not enabled for models/gemma-3-27b-it"),
            (422, "messages.0.role: Input should be 'user' or 'assistant'"),
            (400, "unknown variant `system`, expected `user` or `assistant`"),
            (400, "Unexpected role system"),
        ):
            with self.subTest(message):
                known_formats.clear()
                async with openai(refuses(status, message=message), streams("Yes.")) as server:
                    received = [await ask(DIALOGUE), await ask(DIALOGUE)]

                assert [one.text for one in received] == ["Yes.", "Yes."]
                assert [len(request.body["messages"]) for request in server.requests] == [4, 3, 3]
                assert server.requests[1].body["messages"][0] == {"role": "user", "content": "Be brief.\n\nHi"}

    async def test_a_server_that_rejects_one_part_after_the_other(self) -> None:
        replies = [
            refuses(400, message="system role not supported"),
            refuses(400, message="stream_options is not allowed"),
            refuses(400, message="max_tokens is not allowed"),
            refuses(400, message="max_completion_tokens is not allowed"),
        ]
        async with openai(*replies, streams("Yes.")) as server:
            received = await ask(DIALOGUE)

        assert (received.text, len(server.requests)) == ("Yes.", 5)
        assert set(server.requests[-1].body) == {"model", "messages", "stream"}

    async def test_a_server_that_rejects_everything_is_not_asked_for_ever(self) -> None:
        everything = "system role, stream_options, max_tokens and max_completion_tokens are not supported"
        async with openai(refuses(400, message=everything)) as server:
            received = await ask(DIALOGUE)

        assert received.problem == ModelProblem.REFUSED
        assert len(server.requests) == 3

    async def test_a_key_with_white_space_around_it(self) -> None:
        async with openai() as server:
            with override_settings(OPENAI_API_KEY=" sk-1\n", OPENAI_BASE_URL=server.url + "\n"):
                received = await ask()

        assert received.text == "Hello, world."
        assert server.requests[0].headers["Authorization"] == "Bearer sk-1"

    async def test_a_conversation_that_is_too_long_is_recognised_in_the_words_of_common_servers(self) -> None:
        for status, message in (
            (400, "prompt is too long: 204308 tokens > 200000 maximum"),
            (400, "the request exceeds the available context size. try increasing the context size"),
            (400, "Please reduce the length of the messages or completion."),
            (400, "This model's maximum context length is 8192 tokens. However, you requested 9000 tokens"),
            (400, "input length and `max_tokens` exceed context limit: 199000 + 21333 > 200000"),
            (400, "The input token count (1048577) exceeds the maximum number of tokens allowed (1048576)."),
            (400, "Prompt contains 40000 tokens, too large for model with 32768 maximum context length"),
            (400, "Input is too long for requested model."),
            (400, "too many tokens: total number of tokens in the prompt cannot exceed 4081"),
            (400, "This model's maximum prompt length is 131072 but the request contains 537812 tokens."),
            (422, "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096."),
            (400, "Range of input length should be [1, 30720]"),
            (500, "the input length exceeds the context length"),
            (413, "Request Entity Too Large"),
            (400, "Trying to keep the first 5000 tokens when context the overflows."),
        ):
            with self.subTest(message):
                received = await self.received(refuses(status, message=message))

                assert received.problem == ModelProblem.CONTEXT_TOO_LONG

    async def test_other_rejections_are_not_taken_for_a_long_conversation(self) -> None:
        for status, message, problem in (
            (400, "Invalid value for temperature", ModelProblem.REFUSED),
            (429, "Number of request tokens has exceeded your per-minute limit", ModelProblem.RATE_LIMITED),
            (401, "The request exceeds your rights", ModelProblem.AUTH),
            (500, "Internal error", ModelProblem.OVERLOADED),
        ):
            with self.subTest(message):
                received = await self.received(refuses(status, message=message))

                assert received.problem == problem

    async def test_one_conversation_that_is_too_long_does_not_lift_the_limit_of_others(self) -> None:
        long = refuses(400, message="input length and `max_tokens` exceed context limit: 199000 + 21333 > 200000")
        async with openai(long, streams("Yes.")) as server:
            received = [await ask(DIALOGUE), await ask(DIALOGUE)]

        assert [one.text for one in received] == ["Yes.", "Yes."]
        assert ["max_tokens" in request.body for request in server.requests] == [True, False, True]


@override_settings(OPENAI_TRANSPORT="langchain")
class LangchainTests(SharedCases, SimpleTestCase):
    pass


@override_settings(OPENAI_TRANSPORT="direct")
class DirectTests(SharedCases, SimpleTestCase):
    pass


class AnswerTextTests(SimpleTestCase):
    @given(
        st.sampled_from(["think", "thinking", "Thought"]),
        st.text(st.characters(exclude_characters="<", exclude_categories=["Cs"])),
        st.text(st.characters(exclude_characters="<\x00", exclude_categories=["Cs"]), min_size=1).filter(str.strip),
        st.lists(st.integers(1, 5), max_size=40),
    )
    def test_reasoning_is_removed_wherever_it_is_cut(
        self, tag: str, thoughts: str, answer: str, cuts: list[int]
    ) -> None:
        whole = f"<{tag}>{thoughts}</{tag}>\n\n{answer}"
        text, chunks = AnswerText(), []
        for cut in cuts:
            chunks.append(text.feed(whole[:cut]))
            whole = whole[cut:]
        chunks += [text.feed(whole), text.close()]

        assert "".join(chunks) == answer.lstrip()
