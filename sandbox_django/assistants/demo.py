"""Creates finished conversations for the demo users, so that the pages have content without a model."""

from accounts.demo import DemoUsers
from accounts.models import User
from assistants.models import AssistantConversation
from assistants.models.assistant_message import MessageType
from core.markdown import render_markdown


def create(users: DemoUsers) -> None:
    create_conversation(users.alice, "Where two lists differ", TWO_LISTS)
    create_conversation(users.alice, "How answers arrive word by word", WORD_BY_WORD)
    create_conversation(users.bob, "Tea or coffee", TEA_OR_COFFEE)


def create_conversation(user: User, title: str, exchanges: list[tuple[str, str]]) -> None:
    conversation = AssistantConversation.objects.create(user=user, title=title)
    for question, answer in exchanges:
        asked = conversation.messages.create(message_type=MessageType.USER, content=question)
        conversation.messages.create(
            message_type=MessageType.ASSISTANT,
            question=asked,
            content=answer,
            content_html=render_markdown(answer),
            model="demo",
        )


TWO_LISTS = [
    (
        "I have two long lists of e-mail addresses in Python. Which are only in the first one?",
        """\
Make the second one a set: looking something up in a set takes the same time however long it is.

```python
invited = ["ann@example.com", "ben@example.com", "eve@example.com"]
joined = {"ben@example.com"}

waiting = [email for email in invited if email not in joined]
```

`waiting` keeps the order of `invited`, and whoever is in it twice. If neither matters, `set(invited) - joined` will do.
""",
    ),
    (
        "Does it really matter whether it is a set?",
        """\
With a few hundred addresses, no. With many, very much: `in` reads a list from its start until it finds something.

| addresses in each | comparisons with a list, at worst | look-ups with a set |
|---:|---:|---:|
| 100 | 10,000 | 100 |
| 10,000 | 100,000,000 | 10,000 |
""",
    ),
]

WORD_BY_WORD = [
    (
        "How does this page show your words while you are still writing?",
        """\
Asking and answering are two separate things here:

1. **You ask by HTTP.** The request stores your question and returns at once; nothing waits for the model.
2. **A job writes the answer.** It sends what the model says to everyone who has this conversation open.
3. **The page listens on a WebSocket.** Each piece says where it belongs: none is lost, none comes twice.

Reload the page in the middle of an answer, and you first get what has been said so far, then the rest.
""",
    ),
]

TEA_OR_COFFEE = [
    (
        "Tea or coffee? One sentence, please.",
        "Coffee if the day has to start now, tea if it may take its time.",
    ),
]
