"""A scripted model for sites without a language model. Its answer has all kinds of Markdown, to try out the pages."""

import asyncio
import re
from collections.abc import AsyncGenerator, Iterator, Sequence

from assistants.llm.base import AnswerPart, Finish, Turn

QUOTE_LENGTH = 120
PAUSE = 0.03  # seconds between two chunks: about as fast as a good model

ANSWER = """\
You asked: {quote}

I am the **demo model**. Nobody has connected a language model yet, so this answer is a script: I can show how \
answers arrive, but I know nothing about your question ({words}).

To get real answers, put these into `.env` and start again:

- **OpenAI**: `OPENAI_API_KEY`, and `OPENAI_MODEL` if you want another model
- **Ollama**, on your own machine: `OPENAI_BASE_URL=http://localhost:11434/v1` and `OPENAI_MODEL`, no key
- **vLLM**, or any server that speaks OpenAI's language: its `OPENAI_BASE_URL` and `OPENAI_MODEL`

```ini
OPENAI_BASE_URL=http://localhost:11434/v1
OPENAI_MODEL=llama3.2
```

Until then you can ask, stop, retry and reload in the middle of an answer: all of that is real.
"""


class DemoModel:
    """Streams a scripted answer as fast as a model would. The answer explains how to connect a model."""

    name = "demo"

    def __init__(self, *, pause: float = PAUSE) -> None:
        self._pause = pause

    async def stream(self, turns: Sequence[Turn]) -> AsyncGenerator[AnswerPart, None]:
        question = next((turn.content for turn in reversed(turns) if turn.role == "user"), "")
        for chunk in demo_answer(question):
            await asyncio.sleep(self._pause)
            yield chunk
        yield Finish()


def demo_answer(question: str) -> Iterator[str]:
    """Yields the answer to `question` in chunks as small as a model's tokens."""
    words = question.split()
    # Markdown's special characters are removed: an open code span in the question would include the text after it.
    quote = re.sub(r"[`*_~<>\[\]()|\\#&]", "", " ".join(words))
    if len(quote) > QUOTE_LENGTH:
        quote = quote[: QUOTE_LENGTH - 1].rstrip() + "…"
    count = "1 word" if len(words) == 1 else f"{len(words)} words"
    answer = ANSWER.format(quote=f"“{quote}”" if quote else "nothing", words=count)
    yield from re.findall(r"\s*\S{1,12}|\s+$", answer)
