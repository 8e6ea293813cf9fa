"""Counts the queries of a request, in the same way on SQLite and PostgreSQL."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection
from django.test.utils import CaptureQueriesContext

# Statements that only one of the databases counts.
TRANSACTIONS = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE")


@contextmanager
def assert_queries(expected: int) -> Iterator[None]:
    """Fails and lists the queries if the block runs a different number of queries."""
    with CaptureQueriesContext(connection) as captured:
        yield
    queries = [query["sql"] for query in captured if not query["sql"].startswith(TRANSACTIONS)]
    assert len(queries) == expected, f"{len(queries)} queries:\n" + "\n".join(queries)
