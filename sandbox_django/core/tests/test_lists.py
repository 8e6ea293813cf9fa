"""Lists are paged by offset, and lists of messages by id."""

from typing import Any
from unittest import mock

from django.db import connection
from django.db.models import QuerySet
from django.test import TestCase, override_settings
from django.test.utils import CaptureQueriesContext
from django.urls import path
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.permissions import AllowAny
from rest_framework.test import APIClient

from core.pagination import NewestFirstPagination, OldestFirstPagination, PagePagination
from live.models import Feed


class FeedSerializer(serializers.ModelSerializer[Feed]):
    class Meta:
        model = Feed
        fields = ("id",)


class FeedsView(ListAPIView[Feed]):
    permission_classes = [AllowAny]
    serializer_class = FeedSerializer

    def get_queryset(self) -> QuerySet[Feed]:
        return Feed.objects.order_by("pk")


urlpatterns = [
    path("pages/", FeedsView.as_view(pagination_class=PagePagination)),
    path("oldest-first/", FeedsView.as_view(pagination_class=OldestFirstPagination)),
    path("newest-first/", FeedsView.as_view(pagination_class=NewestFirstPagination)),
]


@override_settings(ROOT_URLCONF=__name__)
class ListTests(TestCase):
    client_class = APIClient

    def setUp(self) -> None:
        Feed.objects.bulk_create(Feed(name=str(number)) for number in range(120))
        self.ids = list(Feed.objects.order_by("pk").values_list("pk", flat=True))

    def test_malformed_ids_are_refused(self) -> None:
        for name in ("before", "after"):
            for value in ("", "x", "-1", "1.5", "\u0662", "1" * 20):
                with self.subTest(f"{name}={value}"):
                    response = self.client.get("/oldest-first/", {name: value})

                    assert response.status_code == 400
                    assert response.json() == {
                        "type": "validation_error",
                        "errors": [{"code": "invalid", "detail": "This is not the id of a message.", "attr": name}],
                    }

    def test_parameters_that_the_list_does_not_have_are_refused(self) -> None:
        for way in ("pages", "oldest-first", "newest-first"):
            response = self.client.get(f"/{way}/?limit=5&page=2&search=1")

            assert response.status_code == 400
            assert response.json()["type"] == "validation_error"
            assert [(error["code"], error["attr"]) for error in response.json()["errors"]] == [
                ("unknown_parameter", "page"),
                ("unknown_parameter", "search"),
            ]
        assert self.client.get("/pages/?before=7").status_code == 400
        assert self.listed("/pages/?format=json") == self.ids[:20]

    def test_a_page_has_at_most_a_hundred_rows(self) -> None:
        assert self.listed("/pages/?limit=1000") == self.ids[:100]

    def test_a_limit_that_is_none_is_the_usual_one(self) -> None:
        for limit in ("0", "-1", "x", ""):
            assert self.listed(f"/pages/?limit={limit}") == self.ids[:20]

    def test_behind_the_end_there_is_nothing_however_far(self) -> None:
        for offset in (120, 2**31, 2**63, 10**30):
            for way in ("pages", "oldest-first", "newest-first"):
                assert self.listed(f"/{way}/?offset={offset}") == []

    def test_next_leads_through_all_pages(self) -> None:
        assert self.followed("/pages/") == self.ids
        assert self.followed("/oldest-first/?limit=50") == self.ids
        assert self.followed("/newest-first/?limit=50") == self.ids[::-1]

    def test_previous_leads_back(self) -> None:
        second = self.client.get("/pages/?offset=20").json()

        assert second["count"] == 120
        assert self.listed(second["previous"]) == self.ids[:20]

    def test_before_is_the_page_directly_before_in_the_usual_order(self) -> None:
        assert self.listed(f"/oldest-first/?before={self.ids[50]}&limit=3") == self.ids[47:50]
        assert self.listed(f"/newest-first/?before={self.ids[50]}&limit=3") == self.ids[47:50][::-1]
        assert self.listed(f"/oldest-first/?before={2**63 - 1}") == self.ids[-20:]
        assert self.listed(f"/oldest-first/?before={self.ids[0]}") == []

    def test_next_continues_upward(self) -> None:
        page = self.client.get(f"/oldest-first/?before={self.ids[50]}").json()
        above = self.client.get(page["next"]).json()

        assert page["count"] == 50
        assert [row["id"] for row in above["results"]] == self.ids[10:30]
        assert self.listed(above["next"]) == self.ids[:10]
        assert self.client.get(above["next"]).json()["next"] is None

    def test_after_is_what_came_since_ascending(self) -> None:
        for way in ("oldest-first", "newest-first"):
            assert self.listed(f"/{way}/?after={self.ids[-4]}") == self.ids[-3:]
            assert self.followed(f"/{way}/?after={self.ids[9]}") == self.ids[10:]
            assert self.listed(f"/{way}/?after={self.ids[-1]}") == []

    def test_events_in_between_are_neither_missed_nor_sent_twice(self) -> None:
        first = self.client.get(f"/newest-first/?before={2**63 - 1}").json()
        Feed.objects.create(name="new")

        assert self.listed(first["next"]) == self.ids[::-1][20:40]

    def test_two_places_to_begin_at_are_refused_instead_of_one_being_dropped(self) -> None:
        for names in (("before", "after"), ("before", "offset"), ("after", "offset"), ("before", "after", "offset")):
            for way in ("oldest-first", "newest-first"):
                with self.subTest(f"{way} {names}"):
                    response = self.client.get(f"/{way}/", dict.fromkeys(names, self.ids[9]))

                    assert response.status_code == 400
                    (error,) = response.json()["errors"]
                    assert (error["code"], error["attr"]) == ("conflicting_parameters", names[0])
                    assert all(f"`{name}`" in error["detail"] for name in names)

    def test_long_lists_are_counted_up_to_a_limit_and_next_leads_to_their_end(self) -> None:
        with mock.patch.object(PagePagination, "MAX_COUNT", 30):
            for way in ("pages", "oldest-first", "newest-first"):
                with CaptureQueriesContext(connection) as queries:
                    assert self.client.get(f"/{way}/").json()["count"] == 30
                assert all("LIMIT" in query["sql"] for query in queries), queries.captured_queries
                assert sorted(self.followed(f"/{way}/")) == self.ids
            assert self.client.get("/pages/?offset=110").json()["count"] == 120
            assert self.client.get(f"/oldest-first/?after={self.ids[9]}").json()["count"] == 30
            assert self.followed(f"/oldest-first/?after={self.ids[9]}") == self.ids[10:]

    def test_a_page_takes_two_queries(self) -> None:
        for url in ("/pages/?limit=100", f"/oldest-first/?before={self.ids[-1]}&limit=100"):
            with self.assertNumQueries(2):
                self.client.get(url)

    def listed(self, url: str) -> list[int]:
        return [row["id"] for row in self.client.get(url).json()["results"]]

    def followed(self, url: str | None) -> list[int]:
        ids: list[int] = []
        while url:
            page: dict[str, Any] = self.client.get(url).json()
            ids += [row["id"] for row in page["results"]]
            url = page["next"]
        return ids
