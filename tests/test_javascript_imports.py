"""JavaScript modules import only from apps below: features -> core -> live. The file storage finds every import."""

import re
from collections.abc import Iterator
from pathlib import Path

from core.features import installed_features

ROOT = Path(__file__).resolve().parents[1] / "sandbox_django"
FEATURES = {"asyncapi", *(feature.name for feature in installed_features())}

# Each app may import modules of these apps, and its own.
ARROWS: dict[str, set[str]] = {"live": set(), "core": {"live"}, **{feature: {"core", "live"} for feature in FEATURES}}
IMPORT = re.compile(
    r'^(?:import|export) [^"]*?\bfrom "(?P<path>[^"]+)"(?P<end>;?)|^import "(?P<bare>[^"]+)"', re.MULTILINE
)
PATH_OF = re.compile(r"(?:\.\./\.\./(?P<app>\w+)/js|\.)/\w+\.js")


def test_modules_import_only_from_apps_below_them() -> None:
    wrong = [
        f"{path} imports {imported}"
        for path, app, imported, _ in imports()
        if (other := PATH_OF.fullmatch(imported)) and other["app"] and other["app"] not in ARROWS[app]
    ]

    assert wrong == []


def test_imports_are_relative_and_end_with_a_semicolon() -> None:
    # ManifestStaticFilesStorage doesn't rewrite other imports, so browsers would keep old versions of the modules.
    wrong = [
        f"{path} imports {imported}{end}"
        for path, _, imported, end in imports()
        if not PATH_OF.fullmatch(imported) or end != ";"
    ]

    assert wrong == []


def test_imported_modules_exist() -> None:
    missing = [
        f"{path} imports {imported}"
        for path, _, imported, _ in imports()
        if not (path.parent / target(imported)).exists()
    ]

    assert missing == []


def test_every_module_is_imported_or_on_a_page() -> None:
    used = {(path.parent / target(imported)).resolve() for path, _, imported, _ in imports()}
    pages = "".join(page.read_text() for page in ROOT.rglob("templates/**/*.html"))
    unused = [path.name for path, app in modules() if path not in used and f"{app}/js/{path.name}" not in pages]

    assert unused == []


def modules() -> Iterator[tuple[Path, str]]:
    for app in ARROWS:
        for path in sorted((ROOT / app / "static" / app / "js").glob("*.js")):
            yield path, app


def imports() -> Iterator[tuple[Path, str, str, str]]:
    """Yields the path and app of each module, the path that it imports, and the end of the import statement."""
    found = [
        (path, app, match["path"] or match["bare"], match["end"] or "")
        for path, app in modules()
        for match in IMPORT.finditer(path.read_text())
    ]
    assert len(found) > 100, "modules are where they are looked for"
    yield from found


def target(imported: str) -> Path:
    match = PATH_OF.fullmatch(imported)
    assert match, imported
    # The URL `../../core/js/` is the folder `core/static/core/js/` on disk.
    return (
        ROOT / match["app"] / "static" / match["app"] / "js" / Path(imported).name if match["app"] else Path(imported)
    )
