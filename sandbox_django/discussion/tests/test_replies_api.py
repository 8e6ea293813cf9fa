"""Tests the API of replies and accepted answers."""

from typing import Any

from accounts.models import User
from discussion.models import DiscussionReply, DiscussionTopic
from discussion.services.topics import create_topic
from discussion.tests.cases import ForumCase, code_of, replies_url, reply_url, topic_url


class ReplyCase(ForumCase):
    def setUp(self) -> None:
        super().setUp()
        self.topic = self.ask()

    def accept(self, reply: Any, by: User) -> Any:
        return self.send("post", topic_url(self.topic, "accept-answer"), {"replyId": reply["id"]}, by=by)

    def unaccept(self, by: User) -> Any:
        return self.send("post", topic_url(self.topic, "unaccept-answer"), by=by)


class RefusalTests(ReplyCase):
    def test_too_short_and_too_long_texts_are_refused(self) -> None:
        for body in ({}, {"content": ""}, {"content": " \n "}, {"content": "x" * 20_001}, {"content": "a\x00b"}):
            with self.subTest(body=str(body)[:30]):
                response = self.send("post", replies_url(self.topic), body, by=self.bob)
                assert code_of(response)[::2] == (400, "content")
        assert not DiscussionReply.objects.exists()

    def test_a_closed_topic_takes_no_replies(self) -> None:
        self.send("post", topic_url(self.topic, "close"), by=self.staff)

        for user in (self.bob, self.staff):
            response = self.send("post", replies_url(self.topic), {"content": "Too late"}, by=user)
            assert code_of(response)[:2] == (409, "topic_closed")
        assert not DiscussionReply.objects.exists()

    def test_other_users_can_not_change_or_delete_a_reply(self) -> None:
        reply = self.answer(self.topic)

        for user in (self.alice, self.mallory):
            for method in ("put", "patch", "delete"):
                assert self.send(method, reply_url(reply), {"content": "Mine"}, by=user).status_code == 403
        assert DiscussionReply.objects.get().content == "Green."

    def test_a_reply_is_found_in_its_own_topic_only(self) -> None:
        reply = self.answer(self.topic)
        other = self.ask("Another one")

        for action in ("", "vote", "edits"):
            url = reply_url({**reply, "topicId": other["id"]}, action)
            assert self.send("post" if action == "vote" else "get", url, by=self.mallory).status_code == 404

    def test_only_the_topics_author_accepts_an_answer(self) -> None:
        reply = self.answer(self.topic)

        for user in (self.bob, self.mallory, self.staff):
            assert self.accept(reply, user).status_code == 403
        assert self.accept(reply, self.alice).status_code == 200
        for user in (self.bob, self.mallory, self.staff):
            assert self.unaccept(user).status_code == 403
        assert self.get(topic_url(self.topic))["hasAcceptedAnswer"]

    def test_users_can_not_accept_their_own_reply(self) -> None:
        reply = self.answer(self.topic, by=self.alice)

        assert self.accept(reply, self.alice).status_code == 403
        assert not DiscussionTopic.objects.get().has_accepted_answer

    def test_an_answer_is_a_reply_to_this_topic(self) -> None:
        elsewhere = self.answer(self.ask("Another one"))

        for wrong in (elsewhere["id"], 10**6, 0, -1, 2**63, "x", None):
            with self.subTest(wrong=wrong):
                assert code_of(self.accept({"id": wrong}, self.alice))[::2] == (400, "replyId")


class ReplyTests(ReplyCase):
    def test_a_reply_is_stored_and_drawn_once(self) -> None:
        body = {"content": "**Green** 🍵", "voteCount": 7, "isAccepted": True, "author": self.alice.pk, "topic": 1}
        response = self.send("post", replies_url(self.topic), body, by=self.bob)

        reply = DiscussionReply.objects.get()
        expected = {
            "id": reply.pk,
            "topicId": self.topic["id"],
            "content": "**Green** 🍵",
            "contentHtml": "<p><strong>Green</strong> 🍵</p>\n",
            "mentions": [],
            "author": {"id": self.bob.pk, "displayName": "Bob"},
            "voteCount": 0,
            "isAccepted": False,
            "createdAt": reply.created_at.isoformat().replace("+00:00", "Z"),
            "formattedCreatedAt": response.json()["formattedCreatedAt"],
            "isEdited": False,
            "editedAt": None,
            "myVote": 0,
            "canEdit": True,
            "canAccept": False,
        }
        assert response.status_code == 201
        assert response.json() == expected
        seen_by_alice = {**expected, "canEdit": False, "canAccept": True}
        assert self.get(replies_url(self.topic), by=self.alice)["results"] == [seen_by_alice]
        topic = self.get(topic_url(self.topic), by=self.alice)
        assert topic["replies"] == [seen_by_alice]
        assert (topic["replyCount"], topic["lastActivityAt"]) == (1, expected["createdAt"])

    def test_the_same_key_posts_once(self) -> None:
        answers = [
            self.send("post", replies_url(self.topic), {"content": "Once"}, by=self.bob, key="k") for _ in range(2)
        ]

        assert answers[0].json() == answers[1].json()
        assert DiscussionReply.objects.count() == DiscussionTopic.objects.get().reply_count == 1

    def test_the_best_come_first_and_of_two_as_good_the_elder(self) -> None:
        first, second, third = (self.answer(self.topic, f"{number}") for number in range(3))
        for user in (self.mallory, self.staff):
            self.send("post", reply_url(third, "vote"), {"vote": 1}, by=user)
        self.send("post", reply_url(first, "vote"), {"vote": -1}, by=self.mallory)

        order = [reply["id"] for reply in self.get(replies_url(self.topic))["results"]]

        assert order == [third["id"], second["id"], first["id"]]
        assert [reply["id"] for reply in self.get(topic_url(self.topic))["replies"]] == order
        self.accept(first, self.alice)
        topic = DiscussionTopic.objects.get()
        on_pages = [first["id"], third["id"], second["id"]]
        assert [reply.pk for reply in topic.replies.for_viewer(None).accepted_first()] == on_pages

    def test_editing_is_published_and_keeps_the_earlier_version(self) -> None:
        reply = self.answer(self.topic)
        assert not self.send("patch", reply_url(reply), {"content": "Green."}, by=self.bob).json()["isEdited"]

        edited = self.send("patch", reply_url(reply), {"content": "*Black.*"}, by=self.bob).json()

        assert (edited["isEdited"], edited["contentHtml"]) == (True, "<p><em>Black.</em></p>\n")
        (before,) = self.get(reply_url(reply, "edits"), by=self.mallory)["results"]
        assert (before["content"], before["createdAt"]) == ("Green.", edited["editedAt"])
        assert before["editor"] == {"id": self.bob.pk, "displayName": "Bob"}

    def test_another_answer_takes_the_place_of_the_one_before(self) -> None:
        first, second = self.answer(self.topic), self.answer(self.topic, by=self.mallory)

        assert self.accept(first, self.alice).json()["acceptedAnswer"]["id"] == first["id"]
        topic = self.accept(second, self.alice).json()

        assert topic["hasAcceptedAnswer"]
        assert topic["acceptedAnswer"] == {**second, "isAccepted": True, "canAccept": True, "canEdit": False}
        assert {reply["id"]: reply["isAccepted"] for reply in topic["replies"]} == {
            first["id"]: False,
            second["id"]: True,
        }
        topic = self.unaccept(self.alice).json()
        assert (topic["hasAcceptedAnswer"], topic["acceptedAnswer"]) == (False, None)
        assert self.unaccept(self.alice).status_code == 200

    def test_an_accepted_answer_beyond_the_first_hundred_is_shown(self) -> None:
        topic = create_topic(self.alice, title="Many", content="Answers")
        for number in range(101):
            last = topic.replies.create(author=self.bob, content=f"{number}")
        self.topic = {"id": topic.pk}

        shown = self.accept({"id": last.pk}, self.alice).json()

        assert len(shown["replies"]) == 100
        assert (shown["acceptedAnswer"]["id"], shown["acceptedAnswer"]["isAccepted"]) == (last.pk, True)

    def test_a_deleted_answer_is_accepted_no_longer(self) -> None:
        reply = self.answer(self.topic)
        self.accept(reply, self.alice)

        assert self.send("delete", reply_url(reply), by=self.bob).status_code == 204
        topic = self.get(topic_url(self.topic))
        assert (topic["hasAcceptedAnswer"], topic["replyCount"], topic["replies"]) == (False, 0, [])
        assert self.send("delete", topic_url(self.topic), by=self.alice).status_code == 204
