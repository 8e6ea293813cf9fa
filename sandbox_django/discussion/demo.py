"""Creates demo topics with replies and votes."""

from collections.abc import Sequence
from datetime import timedelta

from django.utils import timezone

from accounts.demo import DemoUsers
from accounts.models import User
from discussion.models import DiscussionReply, DiscussionTopic, TopicEdit
from discussion.services.answers import accept_answer
from discussion.services.inbox import mark_read
from discussion.services.replies import post_reply
from discussion.services.topics import create_topic, edit_topic, moderate_topic
from discussion.services.views import count_view
from discussion.services.votes import vote_on

WELCOME = """\
This is the place for questions with answers, and for talk that should not scroll away.

- **Ask** with a title that says it all. Topics that may be about the same appear while you type.
- **Vote** for what helps: the best answers come first.
- Who has asked says which reply is **the answer**.
- Call somebody with an @, as in @Bob. They find it in their inbox.
"""

LOST_FRAMES = """\
When my phone goes through a tunnel, the socket closes and everything that was said meanwhile is missing. A reload \
helps, but people don't reload.

```python
async def receive_json(self, content, **kwargs):
    await self.channel_layer.group_send(self.room, {"type": "chat.message", **content})
```

How do others fill the gap?
"""
LOST_FRAMES_ANSWER = """\
Number what you send, and keep it. A channel layer delivers **at most once**, so it can only wake readers up; the \
log is the truth.

1. Write the event and its number in the transaction of the row itself.
2. The browser remembers the last number it saw and comes back with `?since=41`.
3. The server sends 42, 43, … and goes on live.

| | at most once | with a log |
|---|---|---|
| a tunnel | a hole | a pause |
| a deploy | a hole | a pause |
"""
COUNTERS = """\
Two people vote at the same moment and one of the votes is lost:

```python
topic.vote_count += 1
topic.save()
```

I can reproduce it with fifty threads. Is a lock on the table the only way?
"""
COUNTERS_ANSWER = """\
No: let the database add. And keep each vote as a row, or you will never know who voted twice.

```python
with transaction.atomic():
    topic = Topic.objects.select_for_update().get(pk=topic.pk)
    ...
    Topic.objects.filter(pk=topic.pk).update(vote_count=F("vote_count") + change)
```

Only this one row is locked, and only until the commit.
"""
MARKDOWN = """\
I want people to write lists and code, but not `<script>`. Should Markdown become HTML in the browser, or on the server?
"""
SIZES = """\
~~Sixteen~~ How many workers do you run for a thousand open sockets, each with a frame a second? We have two cores and \
PostgreSQL on the same machine.
"""


def create(users: DemoUsers) -> None:
    demo = _Demo(users)
    alice, bob, admin = users.alice, users.bob, users.admin

    welcome = demo.topic(500, admin, "Welcome: how this forum works", WELCOME, "meta", up=[alice, bob])
    moderate_topic(welcome, by=admin, is_pinned=True, is_closed=True)

    demo.topic(
        300, admin, "What should the next release bring?", "One wish each, please. Votes decide.", "meta", up=[bob]
    )
    demo.reply(290, bob, "Search that forgives typos.", up=[alice, admin])
    demo.reply(280, alice, "A quieter inbox.", up=[bob])

    lost = demo.topic(
        250, bob, "Messages are missing after a reconnect", LOST_FRAMES, "channels websockets", up=[alice, admin]
    )
    demo.reply(248, admin, "Fetch everything again when it reconnects?", down=[bob])
    demo.reply(240, alice, LOST_FRAMES_ANSWER, up=[bob, admin], accept=True)
    demo.reply(238, bob, "That was it, thank you, @Alice.", up=[alice])

    counters = demo.topic(
        220, alice, "Lost votes: how to count when many vote at once?", COUNTERS, "django postgresql", up=[bob, admin]
    )
    demo.reply(215, bob, COUNTERS_ANSWER, up=[alice, admin], accept=True)
    demo.reply(
        210, admin, "And compare the counter with the rows from time to time. @Alice, ours has a command for it."
    )

    demo.topic(180, bob, "Markdown in the browser or on the server?", MARKDOWN, "markdown security", up=[alice])
    demo.reply(
        178,
        alice,
        "On the server, once, when it is stored; then a sanitiser has the last word.",
        up=[bob, admin],
        accept=True,
    )

    demo.topic(150, alice, "Dates: “yesterday” or 23 November?", "Relative dates age while the page is open.", "design")

    keys = demo.topic(
        124,
        bob,
        "Keyboard shortcuts that don't get in the way",
        "Which keys do you leave alone?",
        "accessibility",
        up=[alice],
    )
    demo.reply(120, alice, "All single letters while somebody types, and everything a screen reader takes.", up=[bob])

    sizes = demo.topic(100, admin, "How many workers for a thousand sockets?", SIZES, "ops websockets", up=[alice, bob])
    demo.reply(98, bob, "One, measured: idle sockets cost memory, not time. Frames do.", up=[alice])

    demo.topic(
        75,
        bob,
        "PostgreSQL or SQLite for a small site?",
        "Twenty people, one server, backups by night.",
        "postgresql sqlite",
    )
    demo.reply(74, alice, "SQLite with WAL, until you want a second machine.", up=[bob, admin], accept=True)
    demo.reply(70, admin, "PostgreSQL, if you search a lot: full text comes with it.", up=[alice])

    frames = demo.topic(
        52,
        alice,
        "Tests that wait for something without sleeping",
        "How do you test that a frame arrives?",
        "testing",
        up=[bob],
    )
    demo.reply(50, bob, "Wait for *the thing*, with a limit, and never for the clock.", up=[alice])

    secrets = demo.topic(
        30,
        bob,
        "Where do you keep secrets in development?",
        "A `.env` file, a vault, or the shell?",
        "ops security",
        up=[alice, admin],
    )
    demo.reply(
        28, admin, "`.env`, which is in `.gitignore`, with an example beside it that names every variable.", up=[bob]
    )

    tea = demo.topic(
        6,
        alice,
        "Green tea turns bitter: too hot, or too long?",
        "I pour at 95 °C and wait four minutes.",
        "tea",
        up=[bob],
    )
    demo.reply(5, bob, "Both. Let it cool to **75 °C**, and two minutes are plenty.", up=[alice, admin], accept=True)
    demo.reply(4, admin, "A thermometer helps; so does a second, smaller pot.", up=[bob])

    edit_topic(sizes, by=admin, content=SIZES.removeprefix("~~Sixteen~~ "))
    edited_at = sizes.created_at + timedelta(hours=1)
    TopicEdit.objects.update(created_at=edited_at)
    DiscussionTopic.objects.filter(pk=sizes.pk).update(edited_at=edited_at)
    # Notifications older than a day are read, as if Alice had visited the forum since then.
    old = alice.notifications.filter(created_at__lt=timezone.now() - timedelta(days=1))
    mark_read(alice, list(old.values_list("pk", flat=True)))
    seen = {tea: 5, secrets: 12, frames: 7, keys: 3, sizes: 18, counters: 41, lost: 64, welcome: 97}
    for topic, visitors in seen.items():
        for visitor in range(visitors):
            count_view(topic, visitor=f"demo {visitor}")


class _Demo:
    """Posts through the services, and then moves the times of the rows into the past."""

    def __init__(self, users: DemoUsers) -> None:
        self.users = users
        self.now = timezone.now()

    def topic(
        self, hours: int, author: User, title: str, content: str, tags: str, up: Sequence[User] = ()
    ) -> DiscussionTopic:
        self.about = create_topic(author, title=title, content=content, tags=tags.split())
        self.vote(self.about, up)
        when = self.now - timedelta(hours=hours)
        DiscussionTopic.objects.filter(pk=self.about.pk).update(created_at=when, last_activity_at=when)
        self.about.created_at = when
        return self.about

    def reply(
        self,
        hours: int,
        author: User,
        content: str,
        up: Sequence[User] = (),
        down: Sequence[User] = (),
        accept: bool = False,
    ) -> None:
        reply = post_reply(self.about, content=content, by=author)
        self.vote(reply, up)
        self.vote(reply, down, value=-1)
        if accept and self.about.author is not None:
            accept_answer(self.about, reply_id=reply.pk, by=self.about.author)
        when = self.now - timedelta(hours=hours)
        DiscussionReply.objects.filter(pk=reply.pk).update(created_at=when)
        reply.notifications.update(created_at=when)
        DiscussionTopic.objects.filter(pk=self.about.pk).update(last_activity_at=when)

    def vote(self, post: DiscussionTopic | DiscussionReply, users: Sequence[User], value: int = 1) -> None:
        for user in users:
            if user.pk != post.author_id:
                vote_on(post, value=value, by=user)
