"""Tests the API of topics."""

from typing import Any

from django.test import override_settings

from discussion.models import DiscussionTopic, Tag
from discussion.services.topics import CHANGES
from discussion.tests.cases import LIST_URL, ForumCase, code_of, replies_url, reply_url, topic_url
from test_utils.queries import assert_queries


class RefusalTests(ForumCase):
    def test_visitors_are_sent_to_the_sign_in_page_everywhere(self) -> None:
        topic = self.ask()
        reply = self.answer(topic)

        for url in (
            LIST_URL,
            topic_url(topic),
            topic_url(topic, "replies"),
            topic_url(topic, "edits"),
            reply_url(reply),
        ):
            assert self.send("get", url, by=None).status_code == 401
        for url in (LIST_URL, topic_url(topic, "vote"), topic_url(topic, "accept-answer"), reply_url(reply, "vote")):
            assert self.send("post", url, {}, by=None).status_code == 401

    def test_too_short_and_too_long_texts_are_refused(self) -> None:
        refused: dict[str, list[Any]] = {
            "title": ["", " ", "x" * 201, "a\x00b", None],
            "content": ["", " \n", "x" * 20_001, "a\x00b", None],
            "tags": [["a b/c"], ["x" * 31], ["1", "2", "3", "4", "5", "6"], "tea", [""], [None]],
        }
        for field, value in refused.items():
            for wrong in value:
                with self.subTest(field, wrong=str(wrong)[:20]):
                    body = {"title": "Which?", "content": "This?", field: wrong}
                    response = self.send("post", LIST_URL, body, by=self.alice)
                    status, _, attr = code_of(response)
                    assert (status, (attr or "").partition(".")[0]) == (400, field)
        assert not DiscussionTopic.objects.exists()

    def test_other_users_can_not_change_or_delete_a_topic(self) -> None:
        topic = self.ask()

        for method in ("put", "patch", "delete"):
            body = {"title": "Mine", "content": "Now"}
            assert self.send(method, topic_url(topic), body, by=self.mallory).status_code == 403
        assert DiscussionTopic.objects.get().title == "Which tea?"

    def test_the_author_can_not_delete_what_others_have_answered_and_staff_can(self) -> None:
        topic = self.ask()
        self.answer(topic)

        response = self.send("delete", topic_url(topic), by=self.alice)
        assert code_of(response)[:2] == (409, "has_replies")
        assert "others have replied" in response.json()["errors"][0]["detail"]
        assert self.send("delete", topic_url(topic), by=self.staff).status_code == 204
        assert not DiscussionTopic.objects.exists()

    def test_only_staff_closes_and_pins(self) -> None:
        topic = self.ask()

        for action in ("close", "reopen", "pin", "unpin"):
            assert self.send("post", topic_url(topic, action), by=self.alice).status_code == 403
        for action, field, value in (
            ("close", "isClosed", True),
            ("pin", "isPinned", True),
            ("reopen", "isClosed", False),
            ("unpin", "isPinned", False),
        ):
            answer = self.send("post", topic_url(topic, action), by=self.staff)
            assert answer.json()[field] is value
            assert self.get(topic_url(topic))[field] is value

    @override_settings(DISCUSSION_POSTS_PER_HOUR=2)
    def test_so_many_posts_an_hour(self) -> None:
        body = {"title": "One", "content": "Two"}
        assert [self.send("post", LIST_URL, body, by=self.bob, key="k").status_code for _ in range(3)] == [201] * 3
        assert DiscussionTopic.objects.count() == 1
        assert [self.send("post", LIST_URL, body, by=self.bob).status_code for _ in range(2)] == [201, 429]
        with override_settings(LIMITS=False):
            assert self.send("post", LIST_URL, body, by=self.bob).status_code == 201

    def test_so_many_changes_an_hour(self) -> None:
        url = topic_url(self.ask())
        for _ in range(119):
            CHANGES.count(self.alice.pk)

        last, one_more = (self.send("patch", url, {"title": title}, by=self.alice).status_code for title in "ab")

        assert (last, one_more) == (200, 429)
        assert DiscussionTopic.objects.get().title == "a"

    def test_missing_objects_are_not_found(self) -> None:
        for pk in (1, 2**63, 10**30):
            for action in ("", "replies/", "edits/", "replies/1/"):
                assert self.send("get", f"{LIST_URL}{pk}/{action}", by=self.alice).status_code == 404


class TopicTests(ForumCase):
    def test_a_topic_is_stored_and_drawn_once(self) -> None:
        ignored = {"voteCount": 7, "viewCount": 7, "author": self.bob.pk, "isPinned": True, "acceptedAnswer": 1}
        body = {"title": " Which tea? ", "content": "**Green** 🍵", "tags": ["Tea", "green tea", "tea"], **ignored}
        response = self.send("post", LIST_URL, body, by=self.alice)

        topic = DiscussionTopic.objects.get()
        now = topic.created_at.isoformat().replace("+00:00", "Z")
        expected = {
            "id": topic.pk,
            "title": "Which tea?",
            "content": "**Green** 🍵",
            "contentHtml": "<p><strong>Green</strong> 🍵</p>\n",
            "mentions": [],
            "author": {"id": self.alice.pk, "displayName": "Alice"},
            "tags": ["green-tea", "tea"],
            "voteCount": 0,
            "replyCount": 0,
            "viewCount": 0,
            "hasAcceptedAnswer": False,
            "isClosed": False,
            "isPinned": False,
            "createdAt": now,
            "formattedCreatedAt": response.json()["formattedCreatedAt"],
            "lastActivityAt": now,
            "isEdited": False,
            "editedAt": None,
            "myVote": 0,
            "canEdit": True,
        }
        assert response.status_code == 201
        assert response.json() == expected
        assert self.get(LIST_URL)["results"] == [expected]
        detail = {**expected, "viewCount": 1, "canEdit": False, "acceptedAnswer": None, "replies": []}
        assert self.get(topic_url(expected), by=self.bob) == detail

    def test_editing_is_published_and_keeps_the_earlier_version(self) -> None:
        topic = self.ask(tags=["tea"])
        same = self.send("patch", topic_url(topic), {"title": "Which tea?", "tags": ["tea"]}, by=self.alice).json()
        assert (same["isEdited"], same["editedAt"]) == (False, None)

        edited = self.send("patch", topic_url(topic), {"content": "*White*?", "tags": ["rice"]}, by=self.staff).json()

        assert edited["isEdited"]
        assert (edited["contentHtml"], edited["tags"]) == ("<p><em>White</em>?</p>\n", ["rice"])
        (before,) = self.get(topic_url(topic, "edits"), by=self.mallory)["results"]
        assert before == {
            "id": before["id"],
            "editor": {"id": self.staff.pk, "displayName": "Sue"},
            "title": "Which tea?",
            "content": "Green or black?",
            "tags": ["tea"],
            "createdAt": edited["editedAt"],
            "formattedCreatedAt": before["formattedCreatedAt"],
        }
        assert dict(Tag.objects.values_list("name", "topic_count")) == {"tea": 0, "rice": 1}

    def test_a_visitor_counts_once_a_day(self) -> None:
        topic = self.ask()

        for user, count in ((self.bob, 1), (self.bob, 1), (self.mallory, 2), (self.bob, 2)):
            assert self.get(topic_url(topic), by=user)["viewCount"] == count

    def test_a_topic_with_a_hundred_answers_takes_as_many_queries_as_with_one(self) -> None:
        topic = self.ask()
        with override_settings(LIMITS=False):
            self.answer(topic)
            self.get(topic_url(topic), by=self.bob)
            for number in range(100):
                self.answer(topic, f"Answer {number}")
            self.sign_in(self.bob)

        with assert_queries(6):
            assert len(self.get(topic_url(topic), by=self.bob)["replies"]) == 100
        with assert_queries(5):
            assert len(self.get(f"{replies_url(topic)}?limit=100", by=self.bob)["results"]) == 100

    def test_a_list_takes_as_many_queries_for_fifty_topics_as_for_one(self) -> None:
        with override_settings(LIMITS=False):
            for number in range(50):
                self.ask(f"Topic {number}", tags=["tea", f"n{number}"])

        with assert_queries(6):
            assert len(self.get(f"{LIST_URL}?limit=50")["results"]) == 50
