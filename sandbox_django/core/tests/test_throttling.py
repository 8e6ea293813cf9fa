from collections.abc import Iterator
from unittest import mock

import pytest
from django.core.cache import cache
from django.test import override_settings

from core.throttling import Limit, TooOften, network_of

LIMIT = Limit("knocks", times=3, seconds=60)
MOMENT = 6_000_000.0  # the first second of a minute


@pytest.fixture(autouse=True)
def time_stands_still() -> Iterator[mock.Mock]:
    cache.clear()
    with mock.patch("core.throttling.time.time", return_value=MOMENT) as time:
        yield time
    cache.clear()


def test_what_is_too_often_is_refused_and_says_for_how_long(time_stands_still: mock.Mock) -> None:
    for _ in range(3):
        LIMIT.hit("alice")
    time_stands_still.return_value = MOMENT + 20

    with pytest.raises(TooOften) as refusal:
        LIMIT.hit("alice")

    assert refusal.value.wait == 40


def test_one_persons_limit_is_not_anothers() -> None:
    for _ in range(3):
        LIMIT.hit("alice")

    LIMIT.hit("bob")
    Limit("questions", times=3, seconds=60).hit("alice")


def test_it_is_over_with_its_time(time_stands_still: mock.Mock) -> None:
    for _ in range(3):
        LIMIT.hit("alice")
    time_stands_still.return_value = MOMENT + 60

    LIMIT.hit("alice")


def test_the_time_begins_with_the_first_one_and_not_with_the_clocks_minute(time_stands_still: mock.Mock) -> None:
    time_stands_still.return_value = MOMENT + 50
    for _ in range(3):
        LIMIT.hit("alice")
    time_stands_still.return_value = MOMENT + 70

    with pytest.raises(TooOften) as refusal:
        LIMIT.hit("alice")

    assert refusal.value.wait == 40


def test_asking_does_not_count() -> None:
    for _ in range(10):
        LIMIT.check("alice")
    for _ in range(3):
        LIMIT.count("alice")

    with pytest.raises(TooOften):
        LIMIT.check("alice")


def test_when_counting_is_impossible_nobody_is_locked_out() -> None:
    with mock.patch("core.throttling.cache.incr", side_effect=ConnectionError):
        for _ in range(10):
            LIMIT.hit("alice")


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
