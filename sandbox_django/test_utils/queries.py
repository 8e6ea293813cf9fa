"""Counts the queries of a request, with the same result on SQLite and PostgreSQL."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection
from django.test.utils import CaptureQueriesContext

# Only one of the two databases reports these statements.
TRANSACTIONS = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE")


@contextmanager
def assert_queries(expected: int) -> Iterator[None]:
    """Fails and lists the queries if the block doesn't run exactly `expected` queries."""
    with CaptureQueriesContext(connection) as captured:
        yield
    queries = [query["sql"] for query in captured if not query["sql"].startswith(TRANSACTIONS)]
    assert len(queries) == expected, f"{len(queries)} queries:\n" + "\n".join(queries)
