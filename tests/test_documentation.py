"""What the documents name exists, and what has to be named is."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

from django.urls import resolve

from tests.servers import Server

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]


def test_every_dependency_has_its_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    required = {
        re.split(r"[\[<>=]", requirement)[0]
        for requirement in [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]
    }
    explained = re.findall(r"^\| ([a-z0-9-]+) \| \S", (ROOT / "docs" / "dependencies.md").read_text(), re.MULTILINE)

    assert sorted(set(explained) - {"package"}) == sorted(required)


def test_links_between_documents_lead_somewhere() -> None:
    links = [
        (document, link.partition("#")[0])
        for document in DOCUMENTS
        for link in re.findall(r"\]\(([^)\s]+)\)", document.read_text())
        if not link.startswith(("http://", "https://", "#"))
    ]

    assert links
    assert [f"{document.name}: {link}" for document, link in links if not (document.parent / link).exists()] == []


def test_files_that_are_named_in_code_quotes_exist() -> None:
    """`core/live/hub.py` in a document is a promise that it is there."""
    named = [
        (document, path)
        for document in DOCUMENTS
        for path in re.findall(r"`((?:[a-z_]+/)+[a-z_]+\.(?:py|md|toml|yml))`", document.read_text())
    ]

    assert named
    missing = [
        f"{document.name}: {path}"
        for document, path in named
        if not any((start / path).exists() for start in (ROOT, ROOT / "sandbox_django", document.parent))
    ]
    assert missing == []


def test_addresses_that_are_named_in_the_readme_are_served() -> None:
    addresses = re.findall(r"`(/[a-z/]*)`", (ROOT / "README.md").read_text())

    assert addresses
    for address in addresses:
        resolve(address)


def test_client_in_the_readme_hears_an_answer_to_its_end(tmp_path: Path) -> None:
    (client,) = re.findall(r"^```python\n(.*?)^```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)

    with Server(tmp_path) as server:
        client = client.replace("127.0.0.1:8000", server.url.removeprefix("http://"))
        heard = subprocess.run(
            [sys.executable, "-c", client, "Are you there?"], capture_output=True, text=True, timeout=60
        )

    assert heard.returncode == 0, heard.stderr
    assert "Are you there?" in heard.stdout
    assert "demo model" in heard.stdout
