"""A pytest plugin that marks tests whose result can depend on the database, the channel layer or Redis.

`bin/test` runs the tests marked `stack` twice: on SQLite with the in-memory layer, and on PostgreSQL with Redis. It
runs all other tests once, on SQLite: for example tests of documents, static files and pure functions, and tests that
start servers of their own. Two rules decide which tests are marked:

- A Django test case with a database is marked, and so is a function that uses the database by a fixture or `django_db`.
- Other tests that depend on Redis or the channel layer need `@pytest.mark.stack`. A test without this mark fails if it
  uses the configured channel layer. In CI it also fails if it is skipped, since it would never run.
"""

import os
from collections.abc import Generator
from typing import Any
from unittest import mock

import pytest
from channels.layers import ChannelLayerManager
from django.test import SimpleTestCase, TransactionTestCase

MARK = "stack"
DATABASE_FIXTURES = {"db", "transactional_db", "django_db_reset_sequences", "django_db_serialized_rollback"}
OWN_SERVERS = ("browser", "faults", "programs")  # tests with these marks choose their stacks themselves

_asked_for_layer = False


def depends_on_stack(item: pytest.Item) -> bool:
    case = getattr(item, "cls", None)
    if isinstance(case, type) and issubclass(case, SimpleTestCase):
        has_database = issubclass(case, TransactionTestCase) or bool(case.databases)
    else:
        has_database = not DATABASE_FIXTURES.isdisjoint(getattr(item, "fixturenames", ()))
    return has_database or any(item.iter_markers("django_db")) or any(item.iter_markers(MARK))


@pytest.hookimpl(tryfirst=True)  # runs before `-m` selects tests
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if depends_on_stack(item):
            item.add_marker(MARK)


def pytest_configure(config: pytest.Config) -> None:
    really_get = ChannelLayerManager.__getitem__

    def noticed(manager: ChannelLayerManager, alias: str) -> Any:
        global _asked_for_layer
        _asked_for_layer = True
        return really_get(manager, alias)

    mock.patch.object(ChannelLayerManager, "__getitem__", noticed).start()


def _runs_once(item: pytest.Item) -> bool:
    return not any(item.get_closest_marker(mark) for mark in (MARK, *OWN_SERVERS))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    global _asked_for_layer
    _asked_for_layer = False
    yield
    if _asked_for_layer and _runs_once(item):
        pytest.fail(f"It uses the channel layer: mark it with @pytest.mark.{MARK}.", pytrace=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    # Outside CI, a test may be skipped because a program that it needs isn't installed.
    if report.skipped and os.environ.get("CI") == "true" and _runs_once(item):
        report.outcome = "failed"
        report.longrepr = f"It is skipped here, and runs nowhere else: mark it with @pytest.mark.{MARK}, or run it."
    return report
