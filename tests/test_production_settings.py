"""Production refuses to start if a required setting is missing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[1] / "sandbox_django"
READ_SETTINGS = ["-c", "from django.conf import settings; settings.SECRET_KEY"]

# These servers needn't exist, since `check` only reads the settings.
COMPLETE = {
    "DJANGO_SECRET_KEY": "a-key-for-this-test-that-is-long-enough-and-varied-0123456789",
    "DJANGO_ALLOWED_HOSTS": "sandbox.example.com",
    "DATABASE_URL": "postgresql://nobody@localhost/nothing",
    "REDIS_URL": "redis://localhost:1/0",
    "OPENAI_API_KEY": "unused",
    "OPENAI_BASE_URL": "",
}

pytestmark = pytest.mark.programs


@pytest.mark.parametrize("missing", ["DJANGO_SECRET_KEY", "DATABASE_URL", "REDIS_URL", "OPENAI_API_KEY"])
def test_production_refuses_to_start_without(missing: str) -> None:
    # The variable is empty instead of absent, because a developer's .env could set an absent variable.
    refused = run(READ_SETTINGS, **{**COMPLETE, missing: ""})

    assert refused.returncode != 0
    assert missing.removeprefix("DJANGO_") in refused.stderr


def test_production_starts_with_a_compatible_server_instead_of_a_key() -> None:
    started = run(READ_SETTINGS, **{**COMPLETE, "OPENAI_API_KEY": "", "OPENAI_BASE_URL": "http://localhost:11434/v1"})

    assert started.returncode == 0, started.stderr


def test_complete_production_passes_the_deployment_check() -> None:
    checked = run([str(SOURCE / "manage.py"), "check", "--deploy", "--fail-level", "WARNING"], **COMPLETE)

    assert checked.returncode == 0, checked.stderr


def test_browsers_take_the_keys_from_this_host_only() -> None:
    script = (
        "import django; django.setup();"
        "from django.conf import settings; from accounts.cookies import ACCESS_COOKIE, REFRESH_COOKIE;"
        "print(settings.SESSION_COOKIE_NAME, ACCESS_COOKIE, REFRESH_COOKIE, settings.SESSION_COOKIE_PATH,"
        " settings.SESSION_COOKIE_DOMAIN)"
    )

    named = run(["-c", script], **COMPLETE)

    assert named.stdout.split() == ["__Host-sessionid", "__Host-access_token", "__Host-refresh_token", "/", "None"]


def run(arguments: list[str], **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=SOURCE,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings.production", **variables},
        capture_output=True,
        text=True,
    )
