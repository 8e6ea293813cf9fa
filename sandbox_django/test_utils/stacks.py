"""A plugin of pytest that marks tests whose result can depend on the database, the channel layer or Redis.

`bin/test` runs the tests marked `stack` twice, on SQLite with the in-memory layer and on PostgreSQL with Redis. All
others run once, on the first: documents, static files, pure functions, programs that start servers of their own. The
mark is added by rule:

- a Django test case with a database, or a function that requests one by a fixture or by `django_db`, is marked;
- others that depend on Redis or the channel layer need `@pytest.mark.stack`. Without it a test fails if it uses the
  configured channel layer, and in CI also if it is skipped, since it would never run.
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
OWN_SERVERS = ("browser", "faults", "programs")  # these select both stacks or one themselves

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
    # Outside CI, programs that a test needs may be missing.
    if report.skipped and os.environ.get("CI") == "true" and _runs_once(item):
        report.outcome = "failed"
        report.longrepr = f"It is skipped here, and runs nowhere else: mark it with @pytest.mark.{MARK}, or run it."
    return report
