from collections.abc import Iterator

import pytest

from test_utils.databases import postgresql_database
from test_utils.servers import redis_server
from tests.servers import Server


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Server]]:
    """Supplies two servers that use the same PostgreSQL and Redis."""
    with postgresql_database() as database_url, redis_server() as redis_url:
        urls = {"DATABASE_URL": database_url, "REDIS_URL": redis_url}
        with (
            Server(tmp_path_factory.mktemp("one"), **urls) as one,
            Server(tmp_path_factory.mktemp("other"), **urls) as other,
        ):
            yield one, other
