"""The health checks for load balancers, which must fail if messages can't be delivered."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import pytest
from asgiref.sync import async_to_sync
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.db.utils import OperationalError
from django.test import RequestFactory, TestCase, override_settings

from core.views.health import DISK_CHECK_INTERVAL, channel_layer_answers, disk_has_room, migrations_are_applied, readyz
from live.layers import LayerMessage, MemoryLayer, live_layer

FINE = {"database": "ok", "migrations": "ok", "disk": "ok", "channelLayer": "ok"}


@pytest.fixture(autouse=True)
def check_again() -> Iterator[None]:
    migrations_are_applied.cache_clear()
    disk_has_room.passed_at = -DISK_CHECK_INTERVAL
    yield
    migrations_are_applied.cache_clear()


class DeafLayer(MemoryLayer):
    async def group_send(self, group: str, message: LayerMessage) -> None:
        """Accepts the message and drops it."""


class LostLayer(MemoryLayer):
    async def group_send(self, group: str, message: LayerMessage) -> None:
        raise ConnectionError("the password is swordfish")


class TriplingLayer(MemoryLayer):
    """Delivers each frame three times, as when two more were sent before the first arrived."""

    async def group_send(self, group: str, message: LayerMessage) -> None:
        for _ in range(3):
            await super().group_send(group, message)


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

    def test_without_a_database_it_is_not_ready_and_gives_no_details(self) -> None:
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

    def test_on_a_full_disk_it_is_not_ready(self) -> None:
        full: list[Any] = [no_space_for_a_table()]
        if connection.vendor == "sqlite":
            full += [full_sqlite_file(), mock.patch("shutil.disk_usage", return_value=mock.Mock(free=1024))]
        for disk in full:
            with disk:
                response = self.client.get("/readyz")

            assert response.status_code == 503
            assert response.json()["checks"] == {**FINE, "disk": "failed"}
        assert self.client.get("/readyz").status_code == 200

    def test_the_check_of_the_disk_leaves_nothing_behind(self) -> None:
        before = connection.introspection.table_names()
        assert self.client.get("/readyz").status_code == 200
        with self.assertNumQueries(1):  # the disk check is cached for a while
            assert self.client.get("/readyz").status_code == 200

        assert connection.introspection.table_names() == before

    def test_callers_at_the_same_time_share_a_check(self) -> None:
        checks: list[str] = []

        async def check() -> None:
            checks.append("checked")
            await asyncio.sleep(0.01)

        async def ask_at_once() -> list[int]:
            request = RequestFactory().get("/readyz")
            return [response.status_code for response in await asyncio.gather(*[readyz(request) for _ in range(200)])]

        with mock.patch("core.views.health.CHECKS", {"database": check}):
            assert async_to_sync(ask_at_once)() == [200] * 200
            assert checks == ["checked"]
            assert async_to_sync(ask_at_once)() == [200] * 200
            assert len(checks) == 2, "a check that is over is not shared"

    def test_asking_leaves_nothing_behind(self) -> None:
        assert async_to_sync(left_behind)() == (0, 0)

    def test_a_frame_that_arrives_three_times_leaves_nothing_behind(self) -> None:
        with layer(TriplingLayer):
            assert async_to_sync(left_behind)() == (0, 0)


async def left_behind() -> tuple[int, int]:
    """Returns the channels and groups that remain after three round trips."""
    for _ in range(3):
        await channel_layer_answers()
    used: Any = live_layer()
    inner = used._get_layer() if hasattr(used, "_get_layer") else used
    return len(inner.channels), len([group for group in inner.groups.values() if group])


@contextmanager
def no_space_for_a_table() -> Iterator[None]:
    def refuse(execute: Any, sql: str, *rest: Any) -> Any:
        if "readyz_probe" in sql:
            raise OperationalError("could not extend file: No space left on device")
        return execute(sql, *rest)

    with connection.execute_wrapper(refuse):
        yield


@contextmanager
def full_sqlite_file() -> Iterator[None]:
    """Limits the file to its current number of pages."""
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA page_count")
        cursor.execute(f"PRAGMA max_page_count = {cursor.fetchone()[0]}")
    yield
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA max_page_count = 4294967294")


def broken_database() -> Any:
    return mock.patch.object(connection, "cursor", side_effect=OperationalError("password is swordfish"))


def layer(backend: type[MemoryLayer]) -> Any:
    return override_settings(CHANNEL_LAYERS={"default": {"BACKEND": f"{__name__}.{backend.__name__}"}})
