"""Tests votes, views and their counters, also with concurrent changes."""

import contextlib
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from io import StringIO
from random import Random
from typing import Any

from django.core.management import call_command
from django.db import connection
from django.db.models import Sum
from django.test import override_settings
from django.utils import timezone

from accounts.factories.user import UserFactory
from accounts.models import User
from discussion.models import DiscussionReply, DiscussionTopic, ReplyVote, Tag, TopicView, TopicVote
from discussion.services.errors import PostGone
from discussion.services.topics import delete_topic
from discussion.services.views import archive_old_views, count_view
from discussion.services.votes import vote_on
from discussion.tests.cases import ForumCase, code_of, reply_url, topic_url


def reconcile(*arguments: str) -> list[str]:
    """Returns the lines that the command prints, without the last line, which is a summary."""
    printed = StringIO()
    with contextlib.suppress(SystemExit):
        call_command("reconcile", *arguments, stdout=printed)
    *differences, last = printed.getvalue().splitlines()
    assert last.startswith(f"{len(differences)} differences")
    return differences


class VoteCase(ForumCase):
    def setUp(self) -> None:
        super().setUp()
        self.topic = self.ask()
        self.reply = self.answer(self.topic)

    def vote(self, post: Any, vote: Any, by: User) -> Any:
        url = reply_url(post, "vote") if "topicId" in post else topic_url(post, "vote")
        return self.send("post", url, {"vote": vote}, by=by)


class RefusalTests(VoteCase):
    def test_users_can_not_vote_for_themselves(self) -> None:
        assert self.vote(self.topic, 1, self.alice).status_code == 403
        assert self.vote(self.reply, 1, self.bob).status_code == 403
        assert not TopicVote.objects.exists()
        assert not ReplyVote.objects.exists()

    def test_invalid_votes_are_refused(self) -> None:
        wrong: list[Any] = [2, -2, "up", None, 1.5, [], {}]
        for vote in wrong:
            with self.subTest(vote=vote):
                assert code_of(self.vote(self.topic, vote, self.bob))[::2] == (400, "vote")
        assert self.send("post", topic_url(self.topic, "vote"), {}, by=self.bob).status_code == 400

    @override_settings(DISCUSSION_VOTES_PER_MINUTE=2)
    def test_so_many_votes_a_minute(self) -> None:
        assert [self.vote(self.topic, vote, self.bob).status_code for vote in (1, -1, 1)] == [200, 200, 429]
        assert DiscussionTopic.objects.get().vote_count == -1
        with override_settings(LIMITS=False):
            assert self.vote(self.topic, 0, self.bob).status_code == 200


class VoteTests(VoteCase):
    def test_a_user_has_one_vote_which_they_change_and_take_back(self) -> None:
        for post in (self.topic, self.reply):
            for vote, count in ((1, 1), (1, 1), (-1, -1), (0, 0), (0, 0), (-1, -1)):
                assert self.vote(post, vote, self.mallory).json() == {"vote": vote, "voteCount": count}
            assert self.vote(post, 1, self.staff).json() == {"vote": 1, "voteCount": 0}
        assert TopicVote.objects.count() == ReplyVote.objects.count() == 2
        topic = self.get(topic_url(self.topic), by=self.mallory)
        assert (topic["myVote"], topic["voteCount"], topic["replies"][0]["myVote"]) == (-1, 0, -1)
        assert reconcile() == []

    def test_a_closed_topic_is_voted_on_all_the_same(self) -> None:
        self.send("post", topic_url(self.topic, "close"), by=self.staff)

        assert self.vote(self.topic, 1, self.bob).status_code == 200
        assert self.vote(self.reply, 1, self.alice).status_code == 200

    def test_votes_count_when_their_users_are_gone(self) -> None:
        self.vote(self.topic, 1, self.bob)
        self.bob.delete()

        assert reconcile() == []
        topic = self.get(topic_url(self.topic))
        assert (topic["voteCount"], topic["replies"][0]["author"]) == (1, None)


class ManyAtOnceTests(VoteCase):
    def at_once(self, action: Any, arguments: list[Any]) -> None:
        def run(argument: Any) -> None:
            try:
                action(argument)
            finally:
                connection.close()

        with ThreadPoolExecutor(16) as threads:
            list(threads.map(run, arguments))

    @override_settings(LIMITS=False)
    def test_fifty_users_change_their_minds_and_every_count_is_right(self) -> None:
        topic, reply = DiscussionTopic.objects.get(), DiscussionReply.objects.get()
        chance = Random(7)  # noqa: S311  # no secret
        users = UserFactory.create_batch(50)

        def vote_as(vote: tuple[User, DiscussionTopic | DiscussionReply, int]) -> None:
            user, post, value = vote
            vote_on(post, value=value, by=user)

        votes: list[Any] = [(user, post, chance.choice([1, 0, -1])) for user in users for post in (topic, reply) * 4]
        chance.shuffle(votes)

        self.at_once(vote_as, votes)

        assert reconcile() == []
        for counted, rows in ((topic, TopicVote), (reply, ReplyVote)):
            counted.refresh_from_db()
            assert counted.vote_count == rows.objects.aggregate(sum=Sum("value"))["sum"]
            assert 20 < rows.objects.count() <= 50

    @override_settings(LIMITS=False)
    def test_one_user_in_many_tabs_has_one_vote(self) -> None:
        topic = DiscussionTopic.objects.get()

        self.at_once(lambda value: vote_on(topic, value=value, by=self.bob), [1] * 40)

        topic.refresh_from_db()
        assert (topic.vote_count, TopicVote.objects.count()) == (1, 1)

    def test_answers_that_come_at_once_are_all_counted(self) -> None:
        with override_settings(LIMITS=False):
            self.at_once(lambda number: self.answer(self.topic, f"{number}"), list(range(20)))

        assert DiscussionTopic.objects.get().reply_count == 21
        assert reconcile() == []

    def test_a_visitor_who_looks_many_times_at_once_counts_once(self) -> None:
        topic = DiscussionTopic.objects.get()

        self.at_once(lambda visitor: count_view(topic, visitor=visitor), ["user 1", "user 2"] * 20)

        topic.refresh_from_db()
        assert (topic.view_count, TopicView.objects.count()) == (2, 2)

    @override_settings(LIMITS=False)
    def test_voting_and_looking_while_it_is_deleted_breaks_nothing(self) -> None:
        topic, reply = DiscussionTopic.objects.get(), DiscussionReply.objects.get()
        users = UserFactory.create_batch(20)

        def act(number: int) -> None:
            try:
                if number == 30:
                    delete_topic(topic, by=self.staff)
                count_view(topic, visitor=f"user {number}")
                vote_on(topic if number % 2 else reply, value=1, by=users[number % 20])
            except PostGone:
                pass

        self.at_once(act, list(range(80)))

        assert not DiscussionTopic.objects.exists()
        assert not TopicVote.objects.exists()
        assert not ReplyVote.objects.exists()


class ReconcileTests(VoteCase):
    def test_wrong_counters_are_printed_and_corrected(self) -> None:
        self.vote(self.topic, 1, self.bob)
        self.send("patch", topic_url(self.topic), {"tags": ["tea"]}, by=self.alice)
        topic = DiscussionTopic.objects.get()
        right = topic.last_activity_at
        wrong = right - timedelta(days=1)
        DiscussionTopic.objects.update(vote_count=5, reply_count=6, view_count=7, last_activity_at=wrong)
        DiscussionReply.objects.update(vote_count=8)
        Tag.objects.update(topic_count=9)

        expected = [
            f"discussion.DiscussionTopic {topic.pk}: vote_count is 5, not 1",
            f"discussion.DiscussionTopic {topic.pk}: reply_count is 6, not 1",
            f"discussion.DiscussionTopic {topic.pk}: view_count is 7, not 0",
            f"discussion.DiscussionTopic {topic.pk}: last_activity_at is {wrong}, not {right}",
            f"discussion.DiscussionReply {self.reply['id']}: vote_count is 8, not 0",
            f"discussion.Tag {Tag.objects.get().pk}: topic_count is 9, not 1",
        ]
        assert reconcile() == expected
        assert reconcile("--repair") == expected
        assert reconcile() == []
        topic.refresh_from_db()
        assert (topic.vote_count, topic.reply_count, topic.last_activity_at) == (1, 1, right)

    def test_deleting_an_answer_counts_back(self) -> None:
        topic = DiscussionTopic.objects.get()
        self.send("delete", reply_url(self.reply), by=self.bob)

        assert reconcile() == []
        now = DiscussionTopic.objects.get()
        assert (now.reply_count, now.last_activity_at) == (0, topic.created_at)

    def test_views_of_days_that_are_over_are_kept_as_a_number(self) -> None:
        topic = DiscussionTopic.objects.get()
        for user in ("user 1", "user 2"):
            count_view(topic, visitor=user)
        TopicView.objects.filter(visitor="user 1").update(day=timezone.localdate() - timedelta(days=2))

        assert archive_old_views() == 1
        assert TopicView.objects.count() == 1
        assert DiscussionTopic.objects.get().view_count == 2
        assert reconcile() == []
