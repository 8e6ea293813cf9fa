from django.contrib import admin
from django.db import connection
from django.test import TestCase
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from core.live import feeds
from core.live.messages import ResyncMessage, ResyncPayload
from core.models import IdempotencyKey


class AdminTests(TestCase):
    def setUp(self) -> None:
        self.client.force_login(User.objects.create_superuser("admin@example.com", "password"))

    def test_nobody_writes_into_the_log(self) -> None:
        self.log(1)

        for model in ("feed", "feedevent", "idempotencykey"):
            assert self.client.get(f"/admin/core/{model}/add/").status_code == 403

    def test_every_model_is_listed_and_searchable(self) -> None:
        self.log(1)

        for model, its_admin in admin.site._registry.items():
            with self.subTest(model._meta.label):
                assert its_admin.search_fields
                url = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
                assert self.client.get(url, {"q": "x"}).status_code == 200

    def test_a_list_takes_as_many_queries_for_twenty_as_for_one(self) -> None:
        self.log(1)
        few = [self.queries(model) for model in ("feed", "feedevent", "idempotencykey")]
        self.log(20)

        assert [self.queries(model) for model in ("feed", "feedevent", "idempotencykey")] == few

    def log(self, number: int) -> None:
        for count in range(number):
            with feeds.write(f"feed-{number}-{count}") as feed:
                feed.publish(ResyncMessage(payload=ResyncPayload(seq=count)))
            IdempotencyKey.objects.create(digest=f"{number}-{count}", body_digest="")

    def queries(self, model: str) -> int:
        with CaptureQueriesContext(connection) as queries:
            assert self.client.get(f"/admin/core/{model}/").status_code == 200
        return len(queries)
