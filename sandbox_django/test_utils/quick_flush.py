"""A plugin of pytest that empties the database after a test that commits, without Django's `flush` command.

`flush` ends by sending `post_migrate`, whose receivers look up every content type and permission again and create them:
0.1 s of CPU for each of several hundred tests. Here those two tables keep their rows, and the others are emptied.
"""

from functools import cache
from unittest import mock

import pytest
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.db import connections, transaction
from django.test import TransactionTestCase

KEPT = {Permission._meta.db_table, ContentType._meta.db_table}


@cache
def _deletions(alias: str) -> list[str]:
    connection = connections[alias]
    tables = sorted(set(connection.introspection.django_table_names(only_existing=True, include_views=False)) - KEPT)
    statements = [f"DELETE FROM {connection.ops.quote_name(table)}" for table in tables]  # noqa: S608  # our own tables
    # One round trip, if the driver supports several statements at once.
    return ["; ".join(statements)] if connection.vendor == "postgresql" else statements


def empty_databases(case: TransactionTestCase) -> None:
    for alias in case._databases_names(include_mirrors=False):  # type: ignore[attr-defined]  # Django's own, untyped
        # Foreign keys are checked at the end of the transaction, so the order of the tables doesn't matter.
        with transaction.atomic(using=alias), connections[alias].cursor() as cursor:
            for statement in _deletions(alias):
                cursor.execute(statement)


@pytest.fixture(autouse=True, scope="session")
def databases_are_emptied_quickly() -> None:
    """Applies for the whole session."""
    mock.patch.object(TransactionTestCase, "_fixture_teardown", empty_databases).start()
