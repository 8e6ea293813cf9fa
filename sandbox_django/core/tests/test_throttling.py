from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from unittest import mock

import pytest
from django.db import connection, transaction
from django.test import TransactionTestCase, override_settings
from django.test.utils import CaptureQueriesContext

from core import throttling
from core.models import RateLimitCount
from core.throttling import Limit, RateLimited, counts_survive_rollback, delete_expired_counts
from runtime.addresses import network_of
from test_utils.connections import with_own_connection

pytestmark = pytest.mark.django_db

LIMIT = Limit("knocks", times=3, seconds=60)
MOMENT = 6_000_000.0  # the first second of a minute


@pytest.fixture(autouse=True)
def frozen_time() -> Iterator[mock.Mock]:
    with mock.patch("core.throttling.time.time", return_value=MOMENT) as time:
        yield time


def test_too_many_requests_are_refused_with_the_time_to_retry(frozen_time: mock.Mock) -> None:
    for _ in range(3):
        LIMIT.hit("alice")
    frozen_time.return_value = MOMENT + 20

    with pytest.raises(RateLimited) as refusal:
        LIMIT.hit("alice")

    assert refusal.value.wait == 40


def test_one_persons_limit_is_not_anothers() -> None:
    for _ in range(3):
        LIMIT.hit("alice")

    LIMIT.hit("bob")
    Limit("questions", times=3, seconds=60).hit("alice")


def test_it_is_over_with_its_time(frozen_time: mock.Mock) -> None:
    for _ in range(3):
        LIMIT.hit("alice")
    frozen_time.return_value = MOMENT + 60

    LIMIT.hit("alice")


def test_the_time_begins_with_the_first_one_and_not_with_the_clocks_minute(frozen_time: mock.Mock) -> None:
    frozen_time.return_value = MOMENT + 50
    for _ in range(3):
        LIMIT.hit("alice")
    frozen_time.return_value = MOMENT + 70

    with pytest.raises(RateLimited) as refusal:
        LIMIT.hit("alice")

    assert refusal.value.wait == 40


def test_asking_does_not_count() -> None:
    for _ in range(10):
        LIMIT.check("alice")
    for _ in range(3):
        LIMIT.count("alice")

    with pytest.raises(RateLimited):
        LIMIT.check("alice")


def test_counting_is_one_statement_and_keeps_no_key() -> None:
    with CaptureQueriesContext(
        connection,
    ) as queries:
        LIMIT.hit("alice@example.org")

    assert len(queries) == 1
    assert "alice" not in RateLimitCount.objects.get().digest


def test_a_request_that_fails_is_counted_although_it_is_rolled_back() -> None:
    never = Limit("knocks", times=0, seconds=60)
    for _ in range(3):
        with pytest.raises(RateLimited), counts_survive_rollback(), transaction.atomic():
            never.hit("alice")

    assert RateLimitCount.objects.get().count == 3


def test_a_request_that_succeeds_is_counted_once() -> None:
    with counts_survive_rollback(), transaction.atomic():
        LIMIT.hit("alice")
    LIMIT.hit("alice")

    assert RateLimitCount.objects.get().count == 2


def test_expired_counts_are_deleted_and_others_stay(frozen_time: mock.Mock) -> None:
    LIMIT.hit("alice")
    frozen_time.return_value = MOMENT + 30
    LIMIT.hit("bob")
    LIMIT.hit("bob")
    frozen_time.return_value = MOMENT + 61

    with mock.patch.object(throttling, "PRUNED_AT_ONCE", 1):
        assert delete_expired_counts() == 1
    assert [row.count for row in RateLimitCount.objects.all()] == [2]


class ManyAtOnceTests(TransactionTestCase):
    def test_of_fifty_at_once_as_many_pass_as_may(self) -> None:
        limit = Limit("sign-ins", times=20, seconds=60)

        def hit(_: int) -> bool:
            try:
                with_own_connection(limit.hit, "alice")
            except RateLimited:
                return False
            return True

        with ThreadPoolExecutor(50) as threads:
            passed = list(threads.map(hit, range(50)))

        assert passed.count(True) == 20
        assert RateLimitCount.objects.get().count == 50


def test_limits_can_be_lifted_for_load_tests() -> None:
    with override_settings(LIMITS=False):
        for _ in range(10):
            LIMIT.hit("alice")


@pytest.mark.parametrize(
    ("address", "counted_as"),
    [
        ("not an address", "not an address"),
        ("", ""),
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("2001:DB8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::/64"),
    ],
)
def test_addresses_of_one_ipv6_network_are_counted_as_one(address: str, counted_as: str) -> None:
    assert network_of(address) == counted_as
