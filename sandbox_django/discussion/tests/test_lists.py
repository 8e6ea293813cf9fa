"""Tests the orders, tags, search and pages of the list of topics."""

from typing import Any
from unittest import mock

from django.test import override_settings

from core.pagination import BoundedCountPagination
from discussion.models import DiscussionTopic
from discussion.tests.cases import LIST_URL, ForumCase, code_of, topic_url


class ListCase(ForumCase):
    def titles(self, query: str = "") -> list[str]:
        return [topic["title"] for topic in self.get(f"{LIST_URL}?{query}")["results"]]

    def vote(self, topic: Any, vote: int) -> None:
        self.send("post", topic_url(topic, "vote"), {"vote": vote}, by=self.bob)


class RefusalTests(ListCase):
    def test_an_order_that_is_none_is_refused(self) -> None:
        for sort in ("old", "-created_at", "NEW", "\x00"):
            response = self.send("get", f"{LIST_URL}?sort={sort}", by=self.alice)
            assert code_of(response)[::2] == (400, "sort")

    def test_nothing_that_is_searched_for_breaks_anything(self) -> None:
        self.ask()
        for search in ("'", '"', "%26|!():*", "<->", "%25", "\\", "a" * 5000, "%F0%9F%8D%B5", "-", "@@", "the"):
            for query in (f"search={search}", f"tag={search}", f"search={search}&sort=votes&tag=tea"):
                assert self.send("get", f"{LIST_URL}?{query}", by=self.alice).status_code == 200
            assert self.send("get", f"{LIST_URL}similar/?title={search}", by=self.alice).status_code == 200
            assert self.send("get", f"{LIST_URL}tags/?search={search}", by=self.alice).status_code == 200

    def test_behind_the_end_there_is_nothing_however_far(self) -> None:
        for offset in (1, 2**31, 2**63, 10**30):
            response = self.send("get", f"{LIST_URL}?offset={offset}", by=self.alice)
            assert (response.status_code, response.json()["results"]) == (200, [])

    def test_so_many_searches_and_previews_a_minute(self) -> None:
        def last(method: str, url: str, times: int, data: Any = None) -> list[int]:
            return [self.send(method, url, data, by=self.bob).status_code for _ in range(times)][-2:]

        assert last("post", f"{LIST_URL}preview/", 61, {"content": "x"}) == [200, 429]
        assert last("get", f"{LIST_URL}similar/?title=x", 121) == [200, 429]
        assert last("get", f"{LIST_URL}?search=x", 1) == [429]
        with override_settings(LIMITS=False):
            assert last("get", f"{LIST_URL}?search=x", 1) == [200]


class OrderTests(ListCase):
    def test_topics_come_in_the_order_that_is_asked_for(self) -> None:
        one, two, three = (self.ask(title) for title in ("One", "Two", "Three"))
        self.vote(two, 1)
        self.vote(three, -1)
        self.answer(one)

        assert self.titles() == self.titles("sort=new") == ["Three", "Two", "One"]
        assert self.titles("sort=active") == ["One", "Three", "Two"]
        assert self.titles("sort=votes") == ["Two", "One", "Three"]
        assert self.titles("sort=unanswered") == ["Three", "Two"]

    def test_pinned_topics_come_first(self) -> None:
        one, _ = self.ask("One"), self.ask("Two")
        self.send("post", topic_url(one, "pin"), by=self.staff)

        assert self.titles() == self.titles("sort=active") == self.titles("sort=votes") == ["One", "Two"]

    def test_topics_with_a_tag(self) -> None:
        self.ask("One", tags=["tea"])
        self.ask("Two", tags=["tea", "rice"])
        self.ask("Three")

        assert self.titles("tag=tea") == ["Two", "One"]
        assert self.titles("tag=RICE") == ["Two"]
        assert self.titles("tag=nothing") == []
        tags = self.get(f"{LIST_URL}tags/")["results"]
        assert tags == [{"name": "tea", "topicCount": 2}, {"name": "rice", "topicCount": 1}]
        assert self.get(f"{LIST_URL}tags/?search=Ri")["results"] == tags[1:]


class SearchTests(ListCase):
    def setUp(self) -> None:
        super().setUp()
        self.ask("Rice is washed", content="Before the websocket opens, pour the tea away.", tags=["rice"])
        self.ask("Websockets close", content="Rice and nothing else.")
        self.ask("Something else", content="Nothing.")

    def test_all_words_are_looked_for_in_titles_and_texts(self) -> None:
        assert sorted(self.titles("search=rice")) == ["Rice is washed", "Websockets close"]
        assert self.titles("search=rice tea") == ["Rice is washed"]
        assert self.titles("search=rice&tag=rice") == ["Rice is washed"]
        assert self.titles("search=coffee") == []
        assert self.titles("search=rice&sort=new") == ["Websockets close", "Rice is washed"]
        assert self.get(f"{LIST_URL}?search=rice")["count"] == 2

    def test_a_word_in_the_title_counts_for_more(self) -> None:
        assert self.titles("search=rice") == ["Rice is washed", "Websockets close"]
        assert self.titles("search=websocket") == ["Websockets close", "Rice is washed"]
        assert self.titles('search=rice -"pour the tea"') == ["Websockets close"]

    def test_typos_and_other_endings_are_forgiven_in_titles(self) -> None:
        assert self.titles("search=websokets") == ["Websockets close"]
        assert self.titles("search=washing") == ["Rice is washed"]
        assert self.titles("search=2024-websokets") == []

    def test_topics_that_may_be_about_the_same_are_found_while_a_title_is_typed(self) -> None:
        def similar(title: str) -> list[str]:
            return [topic["title"] for topic in self.get(f"{LIST_URL}similar/?title={title}")]

        assert similar("How is rice cooked") != []
        assert "Rice is washed" in similar("How is rice cooked")
        assert similar("") == []
        (topic, *_) = self.get(f"{LIST_URL}similar/?title=washed")
        assert topic == {
            "id": topic["id"],
            "title": "Rice is washed",
            "voteCount": 0,
            "replyCount": 0,
            "hasAcceptedAnswer": False,
        }

    def test_a_preview_is_drawn_as_the_topic_will_be(self) -> None:
        drawn = self.send("post", f"{LIST_URL}preview/", {"content": "**Rice** <b>"}, by=self.alice)

        assert drawn.json() == {"contentHtml": "<p><strong>Rice</strong> &lt;b&gt;</p>\n"}


class PageTests(ListCase):
    def setUp(self) -> None:
        super().setUp()
        DiscussionTopic.objects.bulk_create(
            DiscussionTopic(author=self.alice, title=f"{number}", content="Text") for number in range(45)
        )

    def test_next_leads_through_all_pages_also_where_they_are_not_counted_to_the_end(self) -> None:
        for at_most, counts in ((10_000, [45, 45, 45]), (30, [30, 41, 45])):
            with mock.patch.object(BoundedCountPagination, "MAX_COUNT", at_most):
                url: str | None = LIST_URL
                seen, counted = [], []
                while url:
                    page = self.get(url)
                    seen += [topic["title"] for topic in page["results"]]
                    counted.append(page["count"])
                    url = page["next"]
            assert seen == [f"{number}" for number in reversed(range(45))]
            assert counted == counts

    def test_previous_leads_back_and_behind_the_end_there_is_nothing(self) -> None:
        page = self.get(f"{LIST_URL}?offset=20&limit=20")

        assert self.titles(page["previous"].partition("?")[2]) == [f"{number}" for number in range(44, 24, -1)]
        beyond = self.get(f"{LIST_URL}?offset=1000")
        assert (beyond["count"], beyond["next"], beyond["results"]) == (45, None, [])
