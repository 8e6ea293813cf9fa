"""The settings, .env.EXAMPLE and docker-compose.yml agree with each other."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
SETTINGS = ROOT / "sandbox_django" / "config" / "settings"
LINE = re.compile(r"^(?P<unset># )?(?P<name>[A-Z][A-Z0-9_]*)=(?P<value>.*)$", re.MULTILINE)

# For these variables the example shows a typical value instead of the default.
SAMPLES = {"DATABASE_URL", "REDIS_URL", "DJANGO_SECRET_KEY", "DJANGO_ALLOWED_HOSTS"}

pytestmark = pytest.mark.programs


def test_example_names_every_variable_the_settings_read_and_no_other() -> None:
    assert set(example()) == set(read_by_settings())


def test_example_shows_the_defaults() -> None:
    shown = {name: example()[name] for name in read_by_settings().keys() - SAMPLES}
    defaults = {name: default for name, default in read_by_settings().items() if name in shown and default is not None}

    assert defaults == {name: shown[name] for name in defaults}


def test_copied_example_starts_on_the_embedded_default() -> None:
    active = {line["name"]: line["value"] for line in LINE.finditer(text()) if not line["unset"]}

    settings = settings_with({name: active.get(name, "") for name in ("DATABASE_URL", "REDIS_URL", *active)})

    assert settings == "core.sqlite3 live.layers.MemoryLayer"


def test_addresses_of_the_example_switch_to_the_services_of_the_compose_file() -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    database, published = services["postgres"]["environment"], services["postgres"]["ports"][0].split(":")[1]
    name, user = database["POSTGRES_DB"], database["POSTGRES_USER"]
    password = database["POSTGRES_PASSWORD"].removeprefix("${POSTGRES_PASSWORD:-").removesuffix("}")

    assert example()["DATABASE_URL"] == f"postgresql://{user}:{password}@localhost:{published}/{name}"
    redis_password = (
        services["redis"]["environment"]["REDISCLI_AUTH"].removeprefix("${REDIS_PASSWORD:-").removesuffix("}")
    )
    redis_port = services["redis"]["ports"][0].split(":")[1]
    assert example()["REDIS_URL"] == f"redis://:{redis_password}@localhost:{redis_port}/0"
    assert settings_with({name: example()[name] for name in ("DATABASE_URL", "REDIS_URL")}) == (
        "django.db.backends.postgresql live.layers.RedisLayer"
    )


def test_tests_do_not_read_a_developers_own_settings(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("SITE_NAME=Harbour\nCHAT_MESSAGES_PER_MINUTE=1\n")
    read = "from config.settings import {} as it; print(it.SITE_NAME, it.CHAT_MESSAGES_PER_MINUTE)"
    own = {"ENV_FILE": str(tmp_path / ".env")}

    assert printed(read.format("dev"), own) == "Harbour 1"
    assert printed(read.format("test"), own) == "Sandbox 240"


def text() -> str:
    return (ROOT / ".env.EXAMPLE").read_text()


def example() -> dict[str, str]:
    return {line["name"]: line["value"] for line in LINE.finditer(text())}


def read_by_settings() -> dict[str, str | None]:
    """Maps each variable that the settings read, by `env.str("NAME", default)` or the like, to its constant default."""
    calls = [
        node
        for path in SETTINGS.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and ast.unparse(node.func.value) == "env"
    ]
    return {
        call.args[0].value: default_of(call)
        for call in calls
        if isinstance(call.args[0], ast.Constant) and isinstance(call.args[0].value, str)
    }


def default_of(call: ast.Call) -> str | None:
    if len(call.args) == 2 and isinstance(call.args[1], ast.Constant):
        return str(call.args[1].value)
    return None


def settings_with(variables: dict[str, str]) -> str:
    """Returns the database and the channel layer that a process with these variables uses."""
    return printed(
        "from config.settings import dev;"
        "print(dev.DATABASES['default']['ENGINE'], dev.CHANNEL_LAYERS['default']['BACKEND'])",
        variables,
    )


def printed(code: str, variables: dict[str, str]) -> str:
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT / "sandbox_django",
        env=os.environ | variables,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
