"""Tests POST requests that are sent twice: after a lost response, by a double click, or by two concurrent tabs."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Event, Lock
from typing import Any, ClassVar

from django.db import connection
from django.db.models import QuerySet
from django.http import Http404
from django.test import TestCase, TransactionTestCase, override_settings
from django.urls import path
from django.utils import timezone
from rest_framework import serializers
from rest_framework.generics import ListCreateAPIView
from rest_framework.permissions import AllowAny
from rest_framework.test import APIClient

from core.errors import Conflict
from core.idempotency import IdempotentCreateMixin, delete_old_keys
from core.models import IdempotencyKey
from live.models import Feed
from test_utils.auth_api_test_case import auth_headers
from test_utils.users import alice, bob

A, B = "a" * 22, "b" * 22  # the shortest keys that visitors may use


class FeedSerializer(serializers.ModelSerializer[Feed]):
    class Meta:
        model = Feed
        fields = ("id", "name", "head")


class FeedsView(IdempotentCreateMixin[Feed], ListCreateAPIView[Feed]):
    """A view that creates objects. A closed shelf gets 404, and a busy view 409."""

    permission_classes = [AllowAny]
    serializer_class = FeedSerializer
    closed_shelves: ClassVar[set[str]] = set()
    busy: ClassVar[bool] = False
    knocked: ClassVar[Callable[[], None]] = staticmethod(lambda: None)
    before_creating: ClassVar[Callable[[], None]] = staticmethod(lambda: None)

    def get_queryset(self) -> QuerySet[Feed]:
        type(self).knocked()
        if self.kwargs["shelf"] in self.closed_shelves:
            raise Http404
        return Feed.objects.all()

    def perform_create(self, serializer: serializers.BaseSerializer[Feed]) -> None:
        if self.busy:
            raise Conflict
        type(self).before_creating()
        serializer.save()


urlpatterns = [path("<str:shelf>/", FeedsView.as_view())]


@override_settings(ROOT_URLCONF=__name__)
class SecondTimeTests(TestCase):
    def tearDown(self) -> None:
        FeedsView.closed_shelves = set()
        FeedsView.busy = False

    def test_a_key_that_is_too_long_is_refused(self) -> None:
        response = self.send("news", key="k" * 201)

        assert response.status_code == 400
        assert response.json()["errors"][0]["code"] == "key_too_long"
        assert self.send("news", key="k" * 200).status_code == 201

    def test_a_visitors_key_that_could_be_guessed_is_refused(self) -> None:
        response = self.send("news", key="1" * 21)

        assert response.status_code == 400
        (error,) = response.json()["errors"]
        assert error["code"] == "key_too_short"
        assert "22" in error["detail"]
        assert names() == []
        assert self.send("news", key="1", headers=auth_headers(alice())).status_code == 201

    def test_deleted_objects_are_not_returned_again(self) -> None:
        self.send("news", key=A)
        Feed.objects.all().delete()

        response = self.send("news", key=A)

        assert response.status_code == 410
        assert response.json()["errors"][0]["code"] == "created_object_gone"
        assert names() == []

    def test_changed_objects_are_returned_in_their_current_state(self) -> None:
        self.send("old news", key=A)
        Feed.objects.update(name="news")

        response = self.send("old news", key=A)

        assert (response.status_code, response.json()["name"]) == (201, "news")

    def test_the_same_key_for_something_else_is_refused(self) -> None:
        self.send("news", key=A)

        response = self.send("other news", key=A)

        assert response.status_code == 422
        assert response.json()["errors"][0]["code"] == "idempotency_mismatch"
        assert names() == ["news"]

    def test_a_user_without_access_gets_no_old_response(self) -> None:
        self.send("news", key=A)
        FeedsView.closed_shelves = {"shelf"}

        assert self.send("news", key=A).status_code == 404

    def test_the_old_answer_comes_before_what_would_be_refused_now(self) -> None:
        self.send("news", key=A)
        FeedsView.busy = True

        assert self.send("news", key=A).status_code == 201
        assert self.send("more news", key=B).status_code == 409

    def test_failed_requests_can_be_repeated(self) -> None:
        FeedsView.busy = True
        self.send("news", key=A)
        FeedsView.busy = False

        response = self.send("news", key=A)

        assert response.status_code == 201

    def test_a_body_that_was_refused_may_be_put_right(self) -> None:
        assert self.send("", key=A).status_code == 400

        assert self.send("news", key=A).status_code == 201

    def test_twice_is_once_with_the_same_answer(self) -> None:
        first = self.send("news", key=A)
        second = self.send("news", key=A)

        assert names() == ["news"]
        assert (first.status_code, first.content) == (second.status_code, second.content)
        assert first["Content-Type"] == second["Content-Type"]

    def test_without_a_key_twice_is_twice(self) -> None:
        self.send("news")
        self.send("more news")

        assert names() == ["news", "more news"]

    def test_a_key_is_the_callers_and_the_routes_own(self) -> None:
        hers, his = auth_headers(alice()), auth_headers(bob())

        self.send("news", key=A, headers=hers)
        self.send("his news", key=A, headers=his)
        self.send("anybody's news", key=A)
        self.send("news on another shelf", key=A, shelf="top", headers=hers)

        assert len(names()) == 4

    def test_keys_expire_after_a_day(self) -> None:
        self.send("old news", key=A)
        IdempotencyKey.objects.update(created_at=timezone.now() - timedelta(hours=25))
        self.send("news", key=B)

        assert delete_old_keys() == 1
        assert self.send("old news", key=A).status_code == 400  # executed again: the name is taken
        assert self.send("news", key=B).status_code == 201

    def send(self, name: str, *, key: str = "", shelf: str = "shelf", headers: dict[str, str] | None = None) -> Any:
        headers = {**(headers or {}), **({"Idempotency-Key": key} if key else {})}
        return APIClient().post(f"/{shelf}/", {"name": name}, format="json", headers=headers)


@override_settings(ROOT_URLCONF=__name__)
class TwinTests(TransactionTestCase):
    """Concurrent requests: the first is held in the middle of its work until all have arrived."""

    twins = 4

    def setUp(self) -> None:
        self.all_arrived = Event()
        self.came, self.working, self.lock = 0, 0, Lock()
        FeedsView.knocked = self.come
        FeedsView.before_creating = self.work

    def tearDown(self) -> None:
        FeedsView.knocked = FeedsView.before_creating = staticmethod(lambda: None)

    def test_twins_get_the_answer_of_the_first(self) -> None:
        answers = self.send_at_once([("news", A)] * self.twins)

        assert [status for status, _ in answers] == [201] * self.twins
        assert len({body["id"] for _, body in answers}) == 1
        assert names() == ["news"]
        assert self.working == 1

    def test_of_twins_with_different_bodies_one_is_done(self) -> None:
        answers = self.send_at_once([(f"news {number}", A) for number in range(self.twins)])

        assert sorted(status for status, _ in answers) == [201] + [422] * (self.twins - 1)
        assert len(names()) == 1

    def test_when_the_first_fails_the_next_one_is_done(self) -> None:
        self.first_fails = True

        answers = self.send_at_once([("news", A)] * self.twins)

        assert sorted(status for status, _ in answers) == [201] * (self.twins - 1) + [409]
        assert names() == ["news"]

    first_fails = False

    def come(self) -> None:
        with self.lock:
            self.came += 1
            if self.came == self.twins:
                self.all_arrived.set()

    def work(self) -> None:
        assert self.all_arrived.wait(timeout=30)
        with self.lock:
            self.working += 1
            if self.first_fails and self.working == 1:
                raise Conflict

    def send_at_once(self, requests: list[tuple[str, str]]) -> list[tuple[int, Any]]:
        with ThreadPoolExecutor(len(requests)) as threads:
            return list(threads.map(self.send, requests))

    def send(self, request: tuple[str, str]) -> tuple[int, Any]:
        name, key = request
        try:
            response = APIClient().post("/shelf/", {"name": name}, format="json", headers={"Idempotency-Key": key})
            return response.status_code, json.loads(response.content)
        finally:
            connection.close()


def names() -> list[str]:
    return list(Feed.objects.order_by("pk").values_list("name", flat=True))
