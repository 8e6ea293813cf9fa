"""docs/extending.md is correct: its code blocks, copied into the project, form a feature whose tests pass."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers import ALONE, ROOT

PAGE = ROOT / "docs" / "extending.md"
# A code block whose first line is a comment with a file's path.
BLOCKS = re.compile(r"^```(\w+)\n(?:#|//|<!--|/\*) (\S+/\S+)(?: -->| \*/)?\n(.*?)^```", re.MULTILINE | re.DOTALL)

# Everything runs in one process, since importing Django takes most of the time. The process runs the feature's tests,
# and the tests that check lists of features.
INSIDE = """
import sys
sys.path.insert(0, "sandbox_django")
import django, pytest
from django.core.management import call_command
django.setup()
call_command("makemigrations", "polls")
insisting = [f"tests/test_{name}.py" for name in ("rights_matrix", "architecture", "admin")]
about_it = "polls or every_route or every_socket or apps_import or every_field or every_message"
in_the_admin = "every_model or every_page or no_list or thirty_rows or history_is_kept or an_id"
chosen = ["-k", f"{about_it} or {in_the_admin}"]
sys.exit(pytest.main(["-q", "--no-migrations", "sandbox_django/polls", "sandbox_django/asyncapi", *insisting, *chosen]))
"""

pytestmark = pytest.mark.programs


@pytest.mark.timeout(240)  # much more than the test needs, for busy machines
def test_feature_of_the_page_works_and_is_in_all_lists(tmp_path: Path) -> None:
    for part in ("sandbox_django", "tests"):
        shutil.copytree(ROOT / part, tmp_path / part)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for language, path, code in BLOCKS.findall(PAGE.read_text()):
        put(tmp_path / path, code, is_change=language == "diff")
    for module in (tmp_path / "sandbox_django" / "polls").rglob("*.py"):
        (module.parent / "__init__.py").touch()

    run(tmp_path, "-c", INSIDE)
    changed = ("sandbox_django/polls", "tests/test_admin.py")
    for how in (["check"], ["format", "--check", "--exclude", "migrations"]):
        run(tmp_path, "-m", "ruff", *how, "--no-cache", *changed)


def put(file: Path, code: str, *, is_change: bool) -> None:
    if not is_change:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(code)
        return
    lines = code.splitlines(keepends=True)
    before = "".join(line[1:] for line in lines if not line.startswith("+"))
    after = "".join(line[1:] for line in lines if not line.startswith("-"))
    text = file.read_text()
    assert text.count(before) == 1, f"{file.name} has this not once:\n{before}"
    file.write_text(text.replace(before, after))


def run(copy: Path, *command: str) -> None:
    env = {**os.environ, **ALONE, "DJANGO_SETTINGS_MODULE": "config.settings.test", "SANDBOX_DATA_DIR": str(copy)}
    ended = subprocess.run(
        [sys.executable, *command],
        cwd=copy,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=200,
    )
    assert ended.returncode == 0, ended.stdout
