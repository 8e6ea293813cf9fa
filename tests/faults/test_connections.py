"""Counts the connections that a process opens, and checks that all are closed when the process ends."""

from pathlib import Path

import pytest
import redis

from test_utils.databases import postgresql_database
from test_utils.servers import redis_server
from tests.servers import Server

pytestmark = pytest.mark.faults

CONVERSATIONS = 150
ABANDON = f"""
from datetime import timedelta
from django.utils import timezone
from assistants.models import AssistantConversation
AssistantConversation.objects.bulk_create(AssistantConversation() for _ in range({CONVERSATIONS}))
AssistantConversation.objects.update(updated_at=timezone.now() - timedelta(days=400))
"""


@pytest.mark.parametrize("threads", ["0", "4"])
def test_a_command_that_deletes_many_conversations_opens_few_connections_to_redis(tmp_path: Path, threads: str) -> None:
    with postgresql_database() as database_url, redis_server() as redis_url:
        program = Server(tmp_path, DATABASE_URL=database_url, REDIS_URL=redis_url, DATABASE_THREADS=threads)
        program.manage("shell", "--no-imports", "--command", ABANDON)
        with redis.Redis.from_url(redis_url) as client:
            before = opened(client)
            assert f"{CONVERSATIONS} conversations deleted" in program.manage("delete_abandoned_conversations")
            assert client.info("clients")["connected_clients"] == 1, "its own"
            if threads != "0":  # without threads, each job has its own loop, with connections of its own
                assert opened(client) - before <= 5


def opened(client: "redis.Redis") -> int:
    return int(client.info("stats")["total_connections_received"])
