"""docs/api-recipes.md is correct: its commands, run one after the other, print the output on the page."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from accounts.demo import PASSWORD
from tests.servers import ROOT, Server

PAGE = (ROOT / "docs" / "api-recipes.md").read_text()
PASSWORDS = ("password1", "password2")
MARK = "=== the next one ==="

pytestmark = pytest.mark.programs


@pytest.mark.timeout(240)  # much more than the test needs, for busy machines
def test_recipes_print_what_the_page_says(tmp_path: Path) -> None:
    recipes = re.findall(r"^```sh\n(.*?)^```(?:\n\n```text\n(.*?)^```)?", PAGE, re.MULTILINE | re.DOTALL)
    (tool,) = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    (tmp_path / "listen.py").write_text(tool)

    with Server(tmp_path, LIMITS="on") as server:
        for name in ("Alice", "Bob"):
            register(server, name)
        script = f"\necho '{MARK}'\n".join(commands for commands, _ in recipes)
        script = script.replace("http://127.0.0.1:8000", server.url)
        done = subprocess.run(
            ["sh", "-eu", "-c", script],
            cwd=tmp_path,
            env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
            capture_output=True,
            text=True,
            timeout=200,
        )

    assert done.returncode == 0, done.stderr
    printed = done.stdout.split(f"{MARK}\n")
    for (commands, output), real in zip(recipes, printed, strict=True):
        assert re.fullmatch(pattern(output), real, re.DOTALL), f"{commands}\nprinted\n\n{real}\nand not\n\n{output}"


def register(server: Server, name: str) -> None:
    """Registers a user with the password of the demo users."""
    user = {"email": f"{name.lower()}@example.com", "displayName": name, **dict.fromkeys(PASSWORDS, PASSWORD)}
    url, headers = f"{server.url}/api/accounts/registration/", {"Content-Type": "application/json"}
    with urlopen(Request(url, json.dumps(user).encode(), headers)) as response:  # noqa: S310  # our own URL
        assert response.status == 201


def pattern(output: str) -> str:
    """Returns a pattern for the page's output. "…" matches anything, and numbers other than statuses may differ."""
    return re.sub(r"(?<!\\}\\ )(?<!\d)\d+", r"\\d+", re.escape(output)).replace("…", ".*?")
