"""What the demo model says: enough text, of every shape, to see a page work with no key."""

import re
from collections.abc import Iterator

QUOTE_LENGTH = 120

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


def demo_answer(question: str) -> Iterator[str]:
    """The answer to `question` in pieces as small as a model's tokens."""
    words = question.split()
    # Without what Markdown reads as a sign: an open code span in the question would swallow what follows it.
    quote = re.sub(r"[`*_~<>\[\]()|\\#&]", "", " ".join(words))
    if len(quote) > QUOTE_LENGTH:
        quote = quote[: QUOTE_LENGTH - 1].rstrip() + "…"
    count = "1 word" if len(words) == 1 else f"{len(words)} words"
    answer = ANSWER.format(quote=f"“{quote}”" if quote else "nothing", words=count)
    yield from re.findall(r"\s*\S{1,12}|\s+$", answer)
