"""A pytest plugin that creates and empties the test database quickly.

With SQLite, the test database is a copy of a database that was migrated before (`test_utils.databases`).

After a test that commits, Django empties all tables with its `flush` command. `flush` then sends `post_migrate`, whose
receivers look up every content type and permission and create them again. This takes 0.1 s of CPU time after each of
several hundred tests. This plugin keeps the rows of those two tables and empties the others.
"""

import shutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from unittest import mock

import pytest
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.db import connection, connections, transaction
from django.test import TransactionTestCase

from test_utils.databases import migrated_sqlite

KEPT = {Permission._meta.db_table, ContentType._meta.db_table}


@cache
def _deletions(alias: str) -> list[str]:
    connection = connections[alias]
    tables = sorted(set(connection.introspection.django_table_names(only_existing=True, include_views=False)) - KEPT)
    statements = [f"DELETE FROM {connection.ops.quote_name(table)}" for table in tables]  # noqa: S608  # our own tables
    # All statements take one round trip if the driver can send several at once.
    return ["; ".join(statements)] if connection.vendor == "postgresql" else statements


def empty_databases(case: TransactionTestCase) -> None:
    for alias in case._databases_names(include_mirrors=False):  # type: ignore[attr-defined]  # Django's own, untyped
        # Foreign keys are checked at the end of the transaction, so the order of the tables doesn't matter.
        with transaction.atomic(using=alias), connections[alias].cursor() as cursor:
            for statement in _deletions(alias):
                cursor.execute(statement)


@pytest.fixture(autouse=True, scope="session")
def databases_are_emptied_quickly() -> None:
    """Replaces Django's teardown for the whole session."""
    mock.patch.object(TransactionTestCase, "_fixture_teardown", empty_databases).start()


@pytest.fixture(scope="session")
def django_db_keepdb(request: pytest.FixtureRequest) -> bool:
    """With SQLite, uses the copied file instead of creating a database. Otherwise follows pytest-django's option."""
    return connection.vendor == "sqlite" or bool(request.config.getvalue("reuse_db"))


@pytest.fixture(scope="session")
def django_db_modify_db_settings() -> Iterator[None]:
    if connection.vendor != "sqlite":
        yield
        return
    connection.settings_dict["TEST"]["MIGRATE"] = False
    database = Path(connection.settings_dict["TEST"]["NAME"])
    shutil.copy(migrated_sqlite(), database)
    yield
    for file in database.parent.glob(f"{database.name}*"):  # the database and its write-ahead log
        file.unlink()
