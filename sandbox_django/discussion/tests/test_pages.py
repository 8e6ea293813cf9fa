import re
from typing import Any
from unittest import mock

from django.test import TestCase
from django.urls import reverse

from accounts.models import User
from core.throttling import Limit
from discussion.groups import LIST, inbox_feed, topic_feed
from discussion.models import DiscussionReply, DiscussionTopic, Notification
from discussion.services.answers import accept_answer
from discussion.services.replies import edit_reply, post_reply
from discussion.services.topics import create_topic, edit_topic, moderate_topic
from discussion.services.votes import vote_on
from discussion.tests.cases import Forum
from live import feeds
from test_utils.cpu_contract import another_request
from test_utils.queries import assert_queries

EVIL = "<script>alert(1)</script>"


class PageCase(Forum, TestCase):
    """Creates a topic of Alice's, to which Bob has replied."""

    def setUp(self) -> None:
        self.create_users()
        self.topic = create_topic(self.alice, title="Which tea?", content="Green or **black**?", tags=["tea"])
        self.reply = post_reply(self.topic, content="Green.", by=self.bob)

    def be(self, user: User) -> None:
        self.client.force_login(user)

    def page(self, part: str = "") -> str:
        return f"/discussion/{self.topic.pk}/{part}"

    def reply_page(self, part: str = "") -> str:
        return self.page(f"replies/{self.reply.pk}/{part}")

    def now(self) -> DiscussionTopic:
        return DiscussionTopic.objects.get(pk=self.topic.pk)

    def post(self, path: str, follow: bool = True, **data: Any) -> Any:
        return self.client.post(path, data, follow=follow)


class WhoOpensPagesTests(PageCase):
    def test_visitors_are_sent_to_the_login_page_and_back(self) -> None:
        paths = ["/discussion/", "/discussion/new/", "/discussion/mine/", "/discussion/inbox/", self.page()]
        paths += [*map(self.page, ("edit/", "delete/", "history/")), *map(self.reply_page, ("", "edit/", "delete/"))]
        for path in paths:
            with self.subTest(path):
                self.assertRedirects(self.client.get(path), f"/login?next={path}", fetch_redirect_response=False)

    def test_visitors_change_nothing(self) -> None:
        for path in self.actions():
            with self.subTest(path):
                response = self.post(path, follow=False, vote="1", reply=self.reply.pk, title="Mine", content="Mine")
                assert response.url.startswith("/login?next=")
        self.assert_untouched()

    def test_strangers_neither_edit_nor_delete(self) -> None:
        self.be(self.mallory)

        for path in [*map(self.page, ("edit/", "delete/")), *map(self.reply_page, ("edit/", "delete/"))]:
            with self.subTest(path):
                assert self.client.get(path).status_code == 403
                assert self.post(path, title="Mine", content="Mine").status_code == 403
        self.assert_untouched()

    def test_only_who_asked_accepts_and_only_staff_moderates(self) -> None:
        self.be(self.mallory)

        accepted = self.post(self.page("accept/"), reply=self.reply.pk)
        closed = self.post(self.page("moderate/"), is_closed="1", is_pinned="1")

        self.assertContains(accepted, "Only the person who asked can accept an answer.")
        self.assertContains(closed, "Only staff can close and pin topics.")
        self.assert_untouched()

    def test_users_can_not_vote_on_their_own_posts(self) -> None:
        self.be(self.alice)

        refused = self.post(self.page("vote/"), vote="1")

        self.assertContains(refused, "You can&#x27;t vote on what you wrote yourself.")
        assert self.now().vote_count == 0

    def test_nothing_is_done_by_following_a_link(self) -> None:
        self.be(self.alice)

        for path in [*map(self.page, ("vote/", "accept/", "moderate/")), self.reply_page("vote/")]:
            with self.subTest(path):
                assert self.client.get(path).status_code == 405
        self.client.get(self.page("delete/"))
        self.assert_untouched()

    def test_missing_objects_are_a_404_and_malformed_requests_a_400(self) -> None:
        self.be(self.bob)
        elsewhere = create_topic(self.bob, title="Coffee", content="?")

        for path in ("/discussion/0/", self.page("replies/0/edit/"), "/discussion/?page=0", "/discussion/?page=x"):
            with self.subTest(path):
                assert self.client.get(path).status_code == 404
        # The address names another topic than the one that Bob replied to.
        assert self.client.get(f"/discussion/{elsewhere.pk}/replies/{self.reply.pk}/edit/").status_code == 404
        assert self.post(self.page("vote/"), vote="5").status_code == 400

    def actions(self) -> list[str]:
        parts = ("", "vote/", "accept/", "moderate/", "edit/", "delete/")
        return [*map(self.page, parts), *map(self.reply_page, ("vote/", "edit/", "delete/")), "/discussion/new/"]

    def assert_untouched(self) -> None:
        now = self.now()
        assert (now.title, now.vote_count, now.reply_count) == ("Which tea?", 0, 1)
        assert (now.accepted_answer, now.is_closed, now.is_pinned) == (None, False, False)
        assert DiscussionTopic.objects.count() == DiscussionReply.objects.count() == 1


class WithoutJavaScriptTests(PageCase):
    """Checks that forms have the same effect as the API."""

    def test_topic_is_asked(self) -> None:
        self.be(self.bob)

        page = self.post("/discussion/new/", title="Coffee?", content="*Black*", tags="Coffee, hot  drinks")

        made = DiscussionTopic.objects.get(title="Coffee?")
        assert page.redirect_chain == [(f"/discussion/{made.pk}/", 302)]
        assert (made.author, made.tag_names) == (self.bob, ["coffee", "drinks", "hot"])
        self.assertContains(page, "<em>Black</em>")

    def test_refused_topic_keeps_its_words(self) -> None:
        self.be(self.bob)

        page = self.post("/discussion/new/", title="Coffee?", content="", tags="a b c d e f")

        self.assertContains(page, 'value="Coffee?"')
        self.assertContains(page, "This is required.")
        self.assertContains(page, "At most 5 tags")
        assert DiscussionTopic.objects.count() == 1

    def test_reply_is_posted_and_shown(self) -> None:
        self.be(self.mallory)

        page = self.post(self.page(), content="Black, **of course**.")

        made = DiscussionReply.objects.get(author=self.mallory)
        assert page.redirect_chain[-1][0] == f"{self.page()}?reply={made.pk}#reply-{made.pk}"
        self.assertContains(page, "<strong>of course</strong>")
        assert self.now().reply_count == 2

    def test_form_that_is_sent_twice_posts_once_and_other_words_post_again(self) -> None:
        self.be(self.bob)
        key = re.findall(r'name="key" value="(\w+)"', self.client.get(self.page()).content.decode())[0]

        first, second = (self.post(self.page(), content="Once.", key=key) for _ in range(2))
        self.post(self.page(), content="Again.", key=key)
        for _ in range(2):
            self.post("/discussion/new/", title="Once?", content="Once.", key="k")

        assert first.redirect_chain == second.redirect_chain
        assert self.now().reply_count == 3
        assert DiscussionTopic.objects.filter(title="Once?").count() == 1

    def test_refused_reply_keeps_its_words(self) -> None:
        moderate_topic(self.topic, by=self.staff, is_closed=True)
        self.be(self.bob)

        page = self.post(self.page(), content="Late words")

        self.assertContains(page, "This topic is closed to new replies.")
        self.assertContains(page, "Late words")
        assert self.now().reply_count == 1

    def test_vote_is_given_and_taken_back(self) -> None:
        self.be(self.bob)

        page = self.post(self.page("vote/"), vote="1")

        assert self.now().vote_count == 1
        self.assertContains(page, 'value="0" data-up aria-label="Vote up" aria-pressed="true"')
        self.post(self.page("vote/"), vote="0")
        assert self.now().vote_count == 0

    def test_answer_is_accepted_and_not_after_all(self) -> None:
        self.be(self.alice)

        page = self.post(self.page("accept/"), reply=self.reply.pk)

        assert self.now().accepted_answer == self.reply
        self.assertContains(page, "post--accepted")
        self.post(self.page("accept/"), reply="")
        assert self.now().accepted_answer is None

    def test_topic_and_reply_are_edited_and_what_stood_there_stays(self) -> None:
        self.be(self.alice)
        self.post(self.page("edit/"), title="Which tea now?", content="Green?", tags="tea green")
        self.be(self.bob)
        self.post(self.reply_page("edit/"), content="White.")

        now = self.now()
        assert (now.title, now.content, now.tag_names) == ("Which tea now?", "Green?", ["green", "tea"])
        assert DiscussionReply.objects.get().content == "White."
        self.assertContains(self.client.get(self.page("history/")), "Green or **black**?")
        self.assertContains(self.client.get(self.reply_page("history/")), "Green.")

    def test_reply_is_deleted_after_a_question(self) -> None:
        self.be(self.bob)
        self.assertContains(self.client.get(self.reply_page("delete/")), "Delete this reply?")

        page = self.post(self.reply_page("delete/"))

        assert page.redirect_chain[-1][0] == self.page()
        assert self.now().reply_count == 0

    def test_topic_with_replies_can_not_be_deleted_by_its_author_who_sees_the_reason(self) -> None:
        self.be(self.alice)

        refused = self.post(self.page("delete/"))

        self.assertContains(refused, "others have replied")
        self.be(self.staff)
        self.assertContains(self.post(self.page("delete/")), "“Which tea?” is deleted.")
        assert not DiscussionTopic.objects.exists()

    def test_staff_closes_and_pins(self) -> None:
        self.be(self.staff)

        self.post(self.page("moderate/"), is_closed="1")
        self.post(self.page("moderate/"), is_pinned="1")

        assert (self.now().is_closed, self.now().is_pinned) == (True, True)
        self.post(self.page("moderate/"), is_closed="0")
        assert (self.now().is_closed, self.now().is_pinned) == (False, True)

    def test_inbox_is_read(self) -> None:
        self.be(self.alice)
        self.assertContains(self.client.get("/discussion/inbox/"), "note--unread")

        page = self.post("/discussion/inbox/read/")

        self.assertNotContains(page, "note--unread")
        assert not Notification.objects.unread().exists()

    def test_limit_shows_a_message(self) -> None:
        self.be(self.bob)
        full = self.settings(LIMITS=True, DISCUSSION_POSTS_PER_HOUR=0)

        with full:
            asked = self.post("/discussion/new/", title="Coffee?", content="Black")
            replied = self.post(self.page(), content="Black")

        for page in (asked, replied):
            self.assertContains(page, "Too many requests.", status_code=429)
            self.assertContains(page, "Black", status_code=429)


class ListTests(PageCase):
    def setUp(self) -> None:
        super().setUp()
        self.coffee = create_topic(self.bob, title="Coffee beans", content="Which?", tags=["coffee"])
        vote_on(self.topic, value=1, by=self.bob)
        self.be(self.alice)

    def titles(self, query: str = "") -> list[str]:
        page = self.client.get(f"/discussion/{query}").content.decode()
        return re.findall(r"data-title>(.*?)</a>", page)

    def test_orders_tags_and_words_choose_what_is_shown(self) -> None:
        both = ["Coffee beans", "Which tea?"]
        for query, expected in [
            ("", both),
            ("?sort=nonsense", both),
            ("?sort=votes", both[::-1]),
            ("?sort=unanswered", both[:1]),
            ("?tag=TEA", both[1:]),
            ("?search=beans", both[:1]),
            ("?search=beans&tag=tea", []),
        ]:
            with self.subTest(query):
                assert self.titles(query) == expected

    def test_each_empty_list_explains_itself_and_the_next_step(self) -> None:
        for query, words in [
            ("?search=nothing-like-it", "No topic matches"),
            ("?tag=nothing", "yet."),
            ("?page=7", "There are no older topics."),
        ]:
            with self.subTest(query):
                self.assertContains(self.client.get(f"/discussion/{query}"), words)
        DiscussionTopic.objects.all().delete()
        self.assertContains(self.client.get("/discussion/"), "Ask the first question")
        self.assertContains(self.client.get("/discussion/?sort=unanswered"), "Everything here has a reply.")

    def test_pages_keep_the_tag_and_the_order(self) -> None:
        with mock.patch("discussion.views.page_views.SHOWN_TOPICS", 1):
            first = self.client.get("/discussion/?sort=votes")
            second = self.client.get("/discussion/?sort=votes&page=2")

        self.assertContains(first, 'href="?sort=votes&amp;page=2"')
        self.assertContains(second, 'href="?sort=votes&amp;page=1"')
        self.assertNotContains(second, "page=3")

    def test_too_many_searches_show_a_message(self) -> None:
        none = Limit("discussion searches", times=0, seconds=60)

        with self.settings(LIMITS=True), mock.patch("discussion.views.page_views.SEARCHES", none):
            page = self.client.get("/discussion/?search=tea")

        self.assertContains(page, "Try again in 1 minute.", status_code=429)


class PageTests(PageCase):
    def test_pages_carry_the_numbers_from_which_their_sockets_go_on(self) -> None:
        self.be(self.alice)
        page, list_page = self.client.get(self.page()), self.client.get("/discussion/")

        self.assertContains(page, f'data-since="{feeds.head(topic_feed(self.topic.pk))}"')
        self.assertContains(page, f'data-since="{feeds.head(inbox_feed(self.alice.pk))}"')
        self.assertContains(list_page, f'data-since="{feeds.head(LIST)}"')

    def test_numbers_are_read_before_the_rows(self) -> None:
        # An event between two reads in the other order would be neither in the page nor sent by the socket.
        self.be(self.alice)
        real = feeds.head

        def reply_right_after(name: str) -> int:
            number = real(name)
            if name == topic_feed(self.topic.pk):
                with another_request():
                    post_reply(self.topic, content="In between.", by=self.bob)
            return number

        with mock.patch("live.feeds.head", reply_right_after):
            page = self.client.get(self.page())

        self.assertContains(page, "In between.")

    def test_text_of_users_stays_text(self) -> None:
        topic = create_topic(self.bob, title=EVIL, content=EVIL, tags=["tea"])
        User.objects.filter(pk=self.bob.pk).update(display_name=EVIL)
        edit_topic(topic, by=self.bob, title=f"{EVIL}!")
        post_reply(self.topic, content=EVIL, by=self.bob)
        self.be(self.alice)

        for path in ("/discussion/", f"/discussion/{topic.pk}/", f"/discussion/{topic.pk}/history/", self.page()):
            with self.subTest(path):
                self.assertNotContains(self.client.get(path), EVIL)
        self.assertNotContains(self.client.get("/discussion/inbox/"), EVIL)
        self.assertNotContains(self.client.get("/discussion/", {"search": EVIL, "tag": EVIL}), EVIL)

    def test_no_page_has_inline_script_or_style(self) -> None:
        self.be(self.staff)
        edit_reply(self.reply, content="White.", by=self.bob)
        paths = ["/discussion/", "/discussion/new/", "/discussion/mine/", "/discussion/inbox/", self.page()]

        for path in [*paths, *map(self.page, ("edit/", "delete/", "history/"))]:
            with self.subTest(path):
                page = self.client.get(path).content.decode()
                assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=", page)

    def test_accepted_answer_comes_first_and_a_reply_is_found_on_its_page(self) -> None:
        best = post_reply(self.topic, content="Best.", by=self.mallory)
        last = post_reply(self.topic, content="Chosen.", by=self.bob)
        vote_on(best, value=1, by=self.bob)
        accept_answer(self.topic, reply_id=last.pk, by=self.alice)
        self.be(self.alice)

        page = self.client.get(self.page()).content.decode()
        shown = re.findall(r'<article class="[^"]*" id="reply-(\d+)"', page)

        assert shown[:3] == [str(last.pk), str(best.pk), str(self.reply.pk)]
        with mock.patch("discussion.views.page_views.SHOWN_REPLIES", 1):
            found = self.client.get(self.reply_page(), follow=True)
        self.assertContains(found, f'id="reply-{self.reply.pk}"')
        self.assertNotContains(found, f'id="reply-{best.pk}"')

    def test_replies_by_users_who_left_stay_readable(self) -> None:
        self.bob.delete()
        self.alice.delete()
        self.be(self.mallory)

        # The page also contains a blank article, which is the third match.
        self.assertContains(
            self.client.get(self.page()),
            '<strong class="post__author" dir="auto" data-author>Deleted user',
            count=3,
        )
        self.assertContains(self.client.get("/discussion/"), "Deleted user")

    def test_mentioned_users_see_their_mention(self) -> None:
        post_reply(self.topic, content="What do you say, @Mallory?", by=self.bob)
        for user, is_named in ((self.mallory, True), (self.alice, False)):
            with self.subTest(user.display_name):
                self.be(user)
                assert ("post--names-me" in self.client.get(self.page()).content.decode()) == is_named

    def test_my_activity_is_mine(self) -> None:
        self.be(self.bob)

        topics = self.client.get("/discussion/mine/")
        replies = self.client.get("/discussion/mine/?what=replies")

        self.assertContains(topics, "Your topics will appear here.")
        self.assertContains(replies, reverse("discussion-reply", args=[self.topic.pk, self.reply.pk]))

    def test_number_of_queries_does_not_grow(self) -> None:
        for number in range(5):
            topic = create_topic(self.bob, title=f"Topic {number}", content="?", tags=[f"t{number}"])
            post_reply(topic, content="!", by=self.alice)
            post_reply(self.topic, content="!", by=[self.bob, self.mallory][number % 2])
        self.be(self.alice)
        self.client.get(self.page())  # counts today's view, which takes queries of its own

        for path, queries in [
            ("/discussion/", 9),
            (self.page(), 10),
            ("/discussion/mine/", 7),
            ("/discussion/mine/?what=replies", 6),
            ("/discussion/inbox/", 6),
            ("/discussion/new/", 4),
        ]:
            with self.subTest(path), assert_queries(queries):
                self.client.get(path)
