"""What a load balancer is told. It must not stay green while nobody hears anything."""

from collections.abc import Iterator
from typing import Any
from unittest import mock

import pytest
from asgiref.sync import async_to_sync
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.db.utils import OperationalError
from django.test import TestCase, override_settings

from core.live.layers import LayerMessage, MemoryLayer, live_layer
from core.views.health import frame_comes_back, migrations_are_applied

FINE = {"database": "ok", "migrations": "ok", "channelLayer": "ok"}


@pytest.fixture(autouse=True)
def ask_anew() -> Iterator[None]:
    migrations_are_applied.cache_clear()
    yield
    migrations_are_applied.cache_clear()


class DeafLayer(MemoryLayer):
    async def group_send(self, group: str, message: LayerMessage) -> None:
        """Take it, and say nothing."""


class LostLayer(MemoryLayer):
    async def group_send(self, group: str, message: LayerMessage) -> None:
        raise ConnectionError("the password is swordfish")


class CutLayer(MemoryLayer):
    async def receive(self, channel: str) -> LayerMessage:
        raise ConnectionError("the password is swordfish")


class AliveTests(TestCase):
    def test_it_is_alive_whatever_the_database_does(self) -> None:
        with broken_database():
            response = self.client.get("/healthz")

        assert (response.status_code, response.json()) == (200, {"status": "alive"})

    def test_it_asks_nothing(self) -> None:
        with self.assertNumQueries(0):
            self.client.get("/healthz")


class ReadyTests(TestCase):
    def test_a_post_is_refused(self) -> None:
        assert self.client.post("/readyz").status_code == 405

    def test_without_a_database_it_is_not_ready_and_says_no_more(self) -> None:
        with broken_database():
            response = self.client.get("/readyz")

        assert response.status_code == 503
        assert response.json()["checks"]["database"] == "failed"
        assert b"swordfish" not in response.content

    def test_with_a_migration_to_come_it_is_not_ready(self) -> None:
        [newest] = MigrationLoader(connection).graph.leaf_nodes("accounts")
        MigrationRecorder(connection).record_unapplied(*newest)

        response = self.client.get("/readyz")

        assert response.status_code == 503
        assert response.json()["checks"] == {**FINE, "migrations": "failed"}

    def test_a_layer_that_takes_frames_and_delivers_none_is_not_ready(self) -> None:
        with layer(DeafLayer), mock.patch("core.views.health.ROUND_TRIP_SECONDS", 0.3):
            response = self.client.get("/readyz")

        assert response.status_code == 503
        assert response.json()["checks"] == {**FINE, "channelLayer": "failed"}

    def test_a_layer_that_is_away_is_not_ready(self) -> None:
        for lost in (LostLayer, CutLayer):
            with self.subTest(lost), layer(lost):
                response = self.client.get("/readyz")

                assert response.status_code == 503
                assert response.json()["checks"] == {**FINE, "channelLayer": "failed"}
                assert b"swordfish" not in response.content

    def test_it_is_ready(self) -> None:
        response = self.client.get("/readyz")

        assert response.status_code == 200
        assert response.json() == {"status": "ready", "checks": FINE}
        assert "no-store" in response["Cache-Control"]

    def test_asking_leaves_nothing_behind(self) -> None:
        async def ask_often() -> tuple[int, int]:
            for _ in range(3):
                await frame_comes_back()
            used: Any = live_layer()
            inner = used._get_layer() if hasattr(used, "_get_layer") else used
            return len(inner.channels), len([group for group in inner.groups.values() if group])

        assert async_to_sync(ask_often)() == (0, 0)


def broken_database() -> Any:
    return mock.patch.object(connection, "cursor", side_effect=OperationalError("password is swordfish"))


def layer(backend: type[MemoryLayer]) -> Any:
    return override_settings(CHANNEL_LAYERS={"default": {"BACKEND": f"{__name__}.{backend.__name__}"}})
