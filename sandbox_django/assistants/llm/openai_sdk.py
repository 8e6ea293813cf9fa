"""The reference transport: langchain-openai, which uses the OpenAI SDK.

Importing both takes 1.6 seconds and 91 MB, which pages, commands and tests that don't ask a model must not need. So
this file imports them inside functions. `prepare` loads them in a thread before the functions are called.
"""

import asyncio
import os
import threading
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING

from django.conf import settings

from assistants.llm.base import AnswerPart, Finish, Reasoning, Turn, Usage
from assistants.llm.client import NO_KEY, AnswerTimeout, RemoteModel
from assistants.llm.errors import ModelProblem, ModelUnavailable
from assistants.llm.loop_clients import LoopClients
from assistants.llm.rejections import rejection
from assistants.llm.request_format import OPENAI_URL

if TYPE_CHECKING:
    import httpx2
    from langchain_openai import ChatOpenAI


class OpenAIService(RemoteModel):
    """Sends requests through langchain-openai."""

    async def prepare(self) -> None:
        if not _sdk_is_loaded.is_set():
            await asyncio.to_thread(_load_sdk)
        await clients.get()

    async def _ask(self, turns: Sequence[Turn], idle_timeout: AnswerTimeout) -> AsyncGenerator[AnswerPart, None]:
        import openai

        chat = await self._chat()
        chunks = chat.astream(self._messages(turns))
        has_started, reason = False, ""
        usage: Usage | None = None
        try:
            async with aclosing(chunks):  # type: ignore[type-var]  # it is a generator, declared as an iterator
                while True:
                    with idle_timeout:
                        chunk = await anext(chunks, None)
                    if chunk is None:
                        break
                    has_started = True
                    if counts := chunk.usage_metadata:
                        if not counts["total_tokens"] and (details := counts.get("output_token_details")):
                            yield Reasoning(details.get("reasoning", 0))  # see sdk_client.NormalizedBody
                        else:
                            usage = Usage(counts["input_tokens"], counts["output_tokens"])
                    if not reason and (reason := chunk.response_metadata.get("finish_reason") or ""):
                        idle_timeout.on_finish_reason()
                    if text := str(chunk.text):
                        yield text
        except (TimeoutError, openai.APITimeoutError) as error:
            if not reason:
                raise ModelUnavailable(ModelProblem.TIMEOUT, cause=type(error).__name__) from None
        except openai.APIConnectionError as error:
            if not reason:
                problem = ModelProblem.CUT_OFF if has_started else ModelProblem.UNREACHABLE
                raise ModelUnavailable(problem, cause=type(error).__name__) from None
        except openai.APIStatusError as error:
            raise rejection(error.status_code, error.body) from None
        except openai.APIError as error:
            raise rejection(None, error.body) from None
        # The SDK doesn't check the shape of a reply, so a malformed reply raises any of these exceptions.
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            raise ModelUnavailable(ModelProblem.BAD_REPLY, cause=type(error).__name__) from None
        yield Finish(reason, usage)

    async def _chat(self) -> "ChatOpenAI":
        import openai
        from langchain_openai import ChatOpenAI

        return ChatOpenAI(
            model_name=self.name,
            # A coroutine function, so that no synchronous client is created, which took 30 ms for each answer.
            openai_api_key=self._current_key,
            openai_api_base=self._url,
            openai_organization=self._organization or None,
            http_async_client=await clients.get(),
            openai_proxy=None,
            use_responses_api=False,  # OpenAI-compatible servers don't have this API
            stream_usage=self._format.stream_options,
            extra_body=self._token_limit() or None,
            # RemoteModel implements all other timeouts, and the retries.
            request_timeout=openai.Timeout(None, connect=settings.OPENAI_CONNECT_TIMEOUT),
            max_retries=0,
            stream_chunk_timeout=None,
        )

    async def _current_key(self) -> str:
        return self._key


_sdk_is_loaded = threading.Event()


def _load_sdk() -> None:
    # Without these, conversations could be sent to LangSmith. The second name takes precedence over the older names.
    os.environ |= {"LANGSMITH_TRACING": "false", "LANGSMITH_TRACING_V2": "false"}
    from langchain_openai import ChatOpenAI

    # Creating a client imports the parts of the SDK that are imported on first use.
    ChatOpenAI(model_name="unused", openai_api_key=lambda: NO_KEY, openai_api_base=OPENAI_URL)
    _sdk_is_loaded.set()


def _open_client() -> "httpx2.AsyncClient":
    from assistants.llm.sdk_client import NormalizingClient

    return NormalizingClient()


clients = LoopClients(_open_client)
