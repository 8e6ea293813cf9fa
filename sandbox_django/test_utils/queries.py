"""How much a request asks the database, the same on SQLite and PostgreSQL."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection
from django.test.utils import CaptureQueriesContext

# Which of these are counted differs from one database to the other.
TRANSACTIONS = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE")


@contextmanager
def assert_queries(expected: int) -> Iterator[None]:
    """Fail, and list them, when the block makes another number of queries."""
    with CaptureQueriesContext(connection) as captured:
        yield
    queries = [query["sql"] for query in captured if not query["sql"].startswith(TRANSACTIONS)]
    assert len(queries) == expected, f"{len(queries)} queries:\n" + "\n".join(queries)
