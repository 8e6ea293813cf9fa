"""Deletions in the admin update counters and notify pages, as on the site. tests/test_admin.py tests other actions."""

from discussion.groups import LIST, topic_feed
from discussion.models import DiscussionReply, DiscussionTopic
from discussion.services.views import count_view
from discussion.tests.cases import ForumCase, reply_url, topic_url
from discussion.tests.test_votes import reconcile
from live import feeds


class AdminTests(ForumCase):
    def setUp(self) -> None:
        super().setUp()
        self.staff.is_superuser = True
        self.staff.save()
        self.client.force_login(self.staff)

    def talk(self) -> None:
        """Creates another row of each model."""
        topic = self.ask(tags=["tea"])
        reply = self.answer(topic)
        self.send("post", topic_url(topic, "vote"), {"vote": 1}, by=self.mallory)
        self.send("post", reply_url(reply, "vote"), {"vote": 1}, by=self.mallory)
        self.send("patch", topic_url(topic), {"content": "And?"}, by=self.alice)
        self.send("patch", reply_url(reply), {"content": "And?"}, by=self.bob)
        count_view(DiscussionTopic.objects.get(pk=topic["id"]), visitor="user 7")

    def test_deletions_here_update_counters_and_pages_as_on_the_site(self) -> None:
        self.talk()
        reply, topic = DiscussionReply.objects.get(), DiscussionTopic.objects.get()
        before = feeds.head(topic_feed(topic.pk)), feeds.head(LIST)

        self.client.post(f"/admin/discussion/discussionreply/{reply.pk}/delete/", {"post": "yes"})

        assert DiscussionTopic.objects.get().reply_count == 0
        assert reconcile() == []
        chosen = {"action": "delete_selected", "_selected_action": [topic.pk], "post": "yes"}
        self.client.post("/admin/discussion/discussiontopic/", chosen)
        assert not DiscussionTopic.objects.exists()
        assert reconcile() == []
        assert (feeds.head(topic_feed(topic.pk)), feeds.head(LIST)) == (before[0] + 2, before[1] + 1)
