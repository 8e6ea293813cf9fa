"""Chooses the language model. Features ask a model through this module, so that a test can replace the model.

model = ai_service.get_chat_model()
async with aclosing(model.stream(turns)) as parts:
    async for part in parts:
        match part:
            case str(): ...  # text, never empty
            case Reasoning(): ...  # the size of reasoning, which costs tokens
            case Finish(): ...  # the last part: its reason, and its usage if the server reports it
"""

from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass

from django.conf import settings

from assistants.llm import openai_http, openai_sdk
from assistants.llm.base import ChatModel, Finish, Reasoning, Turn, Usage
from assistants.llm.client import RemoteModel
from assistants.llm.demo import DemoModel
from assistants.llm.errors import ModelProblem, ModelUnavailable
from assistants.llm.openai_http import DirectReader
from assistants.llm.openai_sdk import OpenAIService
from runtime import jobs


def get_chat_model(name: str = "") -> ChatModel:
    """Returns the model of this name if the settings allow it, otherwise the site's default model."""
    if demo_model_answers():
        return DemoModel()
    name = name if name in settings.ASSISTANT_MODELS else settings.OPENAI_MODEL
    return DirectReader(name) if settings.OPENAI_TRANSPORT == "direct" else OpenAIService(name)


def demo_model_answers() -> bool:
    """Returns whether answers come from the demo script because no model is connected. Pages then show a notice."""
    connected = bool(settings.OPENAI_API_KEY or settings.OPENAI_BASE_URL)
    return settings.ASSISTANT_DEMO_MODEL and not connected


@dataclass(frozen=True, slots=True)
class Completion:
    """A short answer that was read completely, with its usage."""

    text: str
    is_complete: bool
    usage: Usage | None = None
    reasoning_size: int = 0
    problem: ModelProblem | None = None


async def complete(turns: Sequence[Turn], *, at_most: int) -> Completion:
    """Asks the site's default model. Reading stops after `at_most` characters, and the answer is then incomplete."""
    text, reasoning_size = "", 0
    try:
        async with aclosing(get_chat_model().stream(turns)) as parts:
            async for part in parts:
                match part:
                    case str():
                        text += part
                    case Reasoning(size):
                        reasoning_size += size
                    case Finish(usage=usage):
                        return Completion(text, True, usage and usage.storable(), reasoning_size)
                if len(text) > at_most:
                    break
    except ModelUnavailable as failure:
        return Completion(text, False, failure.usage and failure.usage.storable(), reasoning_size, failure.code)
    return Completion(text, False, None, reasoning_size)


async def warm_up() -> None:
    """Loads the model's client, so that the first answer isn't delayed. Runs in the background at server start."""
    model = get_chat_model()
    if isinstance(model, RemoteModel):
        await model.prepare()


@jobs.on_loop_close
async def close_clients() -> None:
    """Closes this event loop's connections to the model when the loop closes."""
    await openai_sdk.clients.close()
    await openai_http.clients.close()
