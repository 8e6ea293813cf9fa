"""Files, tests and settings in the documents exist, and the documents mention all that they must."""

import re
import tomllib
from pathlib import Path

from django.urls import resolve

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
    """Checks that paths such as `live/hub.py` in a document exist."""
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


def test_tests_that_are_named_as_proofs_exist() -> None:
    named = {name for document in DOCUMENTS for name in re.findall(r"`(test_\w+)`", document.read_text())}
    tests = "\n".join(
        path.read_text() for folder in ("tests", "sandbox_django") for path in (ROOT / folder).rglob("test_*.py")
    )

    assert named
    assert [name for name in sorted(named) if f"def {name}(" not in tests] == []
