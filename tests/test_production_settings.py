"""Production refuses to start half-configured."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# Nothing is connected to: `check` only reads the settings.
COMPLETE = {
    "DJANGO_SECRET_KEY": "a-key-for-this-test-that-is-long-enough-and-varied-0123456789",
    "DJANGO_ALLOWED_HOSTS": "sandbox.example.com",
    "DATABASE_URL": "postgresql://nobody@localhost/nothing",
    "REDIS_URL": "redis://localhost:1/0",
    "OPENAI_API_KEY": "unused",
    "OPENAI_BASE_URL": "",
}


@pytest.mark.parametrize("missing", ["DJANGO_SECRET_KEY", "DATABASE_URL", "REDIS_URL", "OPENAI_API_KEY"])
def test_production_refuses_to_start_without(missing: str) -> None:
    # Empty, not absent: a developer's .env could fill in what is absent.
    refused = start({**COMPLETE, missing: ""})

    assert refused.returncode != 0
    assert missing.removeprefix("DJANGO_") in refused.stderr


def test_production_starts_with_a_compatible_server_instead_of_a_key() -> None:
    started = start({**COMPLETE, "OPENAI_API_KEY": "", "OPENAI_BASE_URL": "http://localhost:11434/v1"})

    assert started.returncode == 0, started.stderr


def test_complete_production_passes_the_deployment_check() -> None:
    checked = start(COMPLETE, "--deploy", "--fail-level", "WARNING")

    assert checked.returncode == 0, checked.stderr


def start(variables: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, ROOT / "sandbox_django" / "manage.py", "check", *arguments],
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings.production", **variables},
        capture_output=True,
        text=True,
    )
