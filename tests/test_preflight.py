"""A server or worker that refuses to start prints the reason as one line."""

import os
import subprocess
from pathlib import Path

import pytest
from django.core.checks import run_checks
from django.test import override_settings

ROOT = Path(__file__).resolve().parents[1]
DEFAULT = {
    "DJANGO_SETTINGS_MODULE": "config.settings.dev",
    "DATABASE_URL": "",
    "REDIS_URL": "",
    "ASSISTANT_RUNNER": "loop",
    "WEB_PROCESSES": "1",
}
NOBODY_LISTENS = {"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nothing", "REDIS_URL": "redis://127.0.0.1:1/0"}
PRODUCTION = {
    "DJANGO_SETTINGS_MODULE": "config.settings.production",
    "DJANGO_SECRET_KEY": "a-key-for-this-test-that-is-long-enough-and-varied-0123456789",
    "DJANGO_ALLOWED_HOSTS": "sandbox.example.com",
    "OPENAI_API_KEY": "unused",
    **NOBODY_LISTENS,
}

pytestmark = pytest.mark.programs


@pytest.mark.parametrize("command", ["bin/serve", "bin/worker"])
@pytest.mark.parametrize("missing", ["DJANGO_SECRET_KEY", "DATABASE_URL", "REDIS_URL", "OPENAI_API_KEY"])
def test_production_does_not_start_without(command: str, missing: str, tmp_path: Path) -> None:
    (line,) = refusal(command, tmp_path, **{**PRODUCTION, "OPENAI_BASE_URL": "", missing: ""})

    assert missing.removeprefix("DJANGO_") in line


def test_it_prints_all_problems_at_once(tmp_path: Path) -> None:
    database, redis = refusal("bin/serve", tmp_path, **PRODUCTION)

    assert database.startswith("Can't start: The database does not answer: ")
    assert redis.startswith("Can't start: Redis does not answer: ")


def test_several_processes_need_more_than_sqlite_and_memory(tmp_path: Path) -> None:
    migrations, *processes = refusal("bin/serve", tmp_path, WEB_PROCESSES="2")

    assert migrations.endswith(" migrations are not applied. Run: manage.py migrate")
    assert processes == [
        "Can't start: Several processes, but the in-memory layer reaches only one. Set REDIS_URL, or WEB_PROCESSES=1.",
        "Can't start: Several processes, but SQLite lets only one of them write at a time. "
        "Set DATABASE_URL to a PostgreSQL.",
    ]


@pytest.mark.stack
def test_workers_need_redis() -> None:
    with override_settings(
        ASSISTANT_RUNNER="taskiq", CHANNEL_LAYERS={"default": {"BACKEND": "live.layers.MemoryLayer"}}
    ):
        assert "core.E001" in [message.id for message in run_checks()]


@pytest.mark.stack
def test_the_layer_that_loses_its_listeners_is_refused() -> None:
    lossy = {"default": {"BACKEND": "channels_redis.core.RedisChannelLayer", "CONFIG": {"hosts": ["redis://x"]}}}
    with override_settings(CHANNEL_LAYERS=lossy):
        assert "core.E003" in [message.id for message in run_checks()]


def refusal(command: str, data_dir: Path, **variables: str) -> list[str]:
    """Returns the lines that the process prints before it ends."""
    env = {**os.environ, **DEFAULT, "SANDBOX_DATA_DIR": str(data_dir), **variables}
    refused = subprocess.run([ROOT / command], env=env, capture_output=True, text=True)
    assert refused.returncode == 1
    return refused.stderr.splitlines()
