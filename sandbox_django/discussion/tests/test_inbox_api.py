"""Tests who receives notifications, and how they become read."""

from typing import Any

from accounts.models import User
from discussion.models import Notification
from discussion.tests.cases import LIST_URL, ForumCase, code_of, reply_url, topic_url
from test_utils.queries import assert_queries

INBOX = f"{LIST_URL}inbox/"


class InboxCase(ForumCase):
    def inbox(self, by: User, query: str = "") -> list[Any]:
        results: list[Any] = self.get(f"{INBOX}{query}", by=by)["results"]
        return results

    def notified(self, by: User) -> list[tuple[str, str]]:
        return [(one["kind"], one["actor"]["displayName"]) for one in self.inbox(by)]


class RefusalTests(InboxCase):
    def test_other_inboxes_can_not_be_seen_or_read(self) -> None:
        self.answer(self.ask())
        (notification,) = self.inbox(self.alice)

        assert self.inbox(self.mallory) == []
        answer = self.send("post", f"{INBOX}read/", {"ids": [notification["id"]]}, by=self.mallory)
        assert answer.json() == {"unreadCount": 0}
        assert not Notification.objects.get().is_read

    def test_malformed_ids_are_refused(self) -> None:
        for wrong in ("x", ["x"], [0], [2**63], list(range(1, 102)), {"a": 1}):
            with self.subTest(wrong=str(wrong)[:20]):
                status, _, attr = code_of(self.send("post", f"{INBOX}read/", {"ids": wrong}, by=self.bob))
                assert (status, (attr or "").partition(".")[0]) == (400, "ids")


class NotificationTests(InboxCase):
    def test_the_topics_author_is_notified_of_replies_but_not_of_their_own(self) -> None:
        topic = self.ask()
        reply = self.answer(topic, "Green, @Alice and @Bob")
        self.answer(topic, "Thank you", by=self.alice)

        (notification,) = self.inbox(self.alice)
        assert notification == {
            "id": notification["id"],
            "kind": "reply",
            "topicId": topic["id"],
            "topicTitle": "Which tea?",
            "replyId": reply["id"],
            "actor": {"id": self.bob.pk, "displayName": "Bob"},
            "isRead": False,
            "createdAt": notification["createdAt"],
            "formattedCreatedAt": notification["formattedCreatedAt"],
        }
        assert self.inbox(self.bob) == []

    def test_mentioned_users_are_notified_once(self) -> None:
        topic = self.ask(content="@Mallory, @mallory: what do you say? mail@bob, @Bobby")
        assert topic["mentions"] == [self.mallory.pk]
        self.send("patch", topic_url(topic), {"content": "@Mallory and @Sue?"}, by=self.alice)
        reply = self.answer(topic, "Ask @Mallory")
        self.send("patch", reply_url(reply), {"content": "Ask @Mallory, or @Sue"}, by=self.bob)

        assert self.notified(self.mallory) == [("mention", "Bob"), ("mention", "Alice")]
        assert self.notified(self.staff) == [("mention", "Bob"), ("mention", "Alice")]
        assert self.notified(self.bob) == []

    def test_mentions_in_code_links_and_quotes_notify_no_users(self) -> None:
        for content in (
            "`@Bob`",
            "```\n@Bob\n```",
            "https://mastodon.example/@Bob",
            "[@Bob](https://e.org)",
            "> @Bob",
            "mail@Bob.example",
            "\\@Bob",
        ):
            with self.subTest(content):
                assert self.ask(content=content)["mentions"] == []
        assert self.inbox(self.bob) == []

    def test_mention_is_marked(self) -> None:
        assert (
            f'<span class="mention" data-user-id="{self.bob.pk}">@bob</span>' in self.ask(content="@bob")["contentHtml"]
        )

    def test_names_may_have_spaces_and_the_longest_that_fits_is_meant(self) -> None:
        User.objects.create_user("bb@example.com", display_name="Bob Builder")

        assert self.ask(content="@bob builder, yes we can")["mentions"] == [User.objects.latest("pk").pk]
        assert self.ask(content="@Bob builds")["mentions"] == [self.bob.pk]
        assert self.ask(content="@Bob\nBuilder")["mentions"] == [self.bob.pk]

    def test_a_text_calls_ten_users_at_most(self) -> None:
        for number in range(12):
            User.objects.create_user(f"kim{number}@example.com", display_name="Kim")

        assert len(self.ask(content="@Kim @Kim @Alice")["mentions"]) == 10

    def test_the_author_of_an_accepted_answer_is_notified_once(self) -> None:
        topic = self.ask()
        reply = self.answer(topic)

        for action in ("accept-answer", "unaccept-answer", "accept-answer"):
            self.send("post", topic_url(topic, action), {"replyId": reply["id"]}, by=self.alice)

        assert self.notified(self.bob) == [("accepted", "Alice")]


class ReadTests(InboxCase):
    def test_some_or_all_are_read(self) -> None:
        topic = self.ask()
        for number in range(4):
            self.answer(topic, str(number))
        newest, *_ = ids = [notification["id"] for notification in self.inbox(self.alice)]
        assert ids == sorted(ids, reverse=True)

        assert self.send("post", f"{INBOX}read/", {"ids": [newest]}, by=self.alice).json() == {"unreadCount": 3}
        assert [notification["id"] for notification in self.inbox(self.alice, "?unread=true")] == ids[1:]
        assert self.send("post", f"{INBOX}read/", {}, by=self.alice).json() == {"unreadCount": 0}
        assert self.get(f"{INBOX}unread/") == {"unreadCount": 0}
        assert all(notification["isRead"] for notification in self.inbox(self.alice))

    def test_an_inbox_takes_as_many_queries_for_twenty_as_for_one(self) -> None:
        topic = self.ask()
        for number in range(20):
            self.answer(topic, str(number))

        with assert_queries(4):
            assert len(self.inbox(self.alice)) == 20
