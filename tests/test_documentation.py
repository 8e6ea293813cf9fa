"""What the documents name exists, and what has to be named is."""

import re
import tomllib
from pathlib import Path

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
