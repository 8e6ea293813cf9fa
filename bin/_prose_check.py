"""Checks names, docstrings and comments for words that the project doesn't use.

A file may have as many findings as `_prose_check.txt` allows. `--shrink` lowers these numbers to the current findings,
and never raises one.
"""

import ast
import io
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ALLOWANCE = Path(__file__).with_suffix(".txt")

# Private words that the code used before it took the standard terms of `docs/glossary.md`.
NAME_WORDS = frozenset(
    {
        "anyhow",
        "asker",
        "deed",
        "deeds",
        "door",
        "doors",
        "farewell",
        "fate",
        "forgive",
        "guard",
        "hear",
        "heard",
        "hears",
        "hop",
        "hops",
        "knock",
        "lobby",
        "mischievous",
        "moments",
        "outbox",
        "parcel",
        "patience",
        "pulse",
        "said",
        "say",
        "says",
        "spender",
        "spending",
        "tell",
        "tells",
        "thing",
        "things",
        "ticker",
        "tidying",
        "told",
        "truth",
        "visit",
        "whoever",
    }
)
# These names are public, or use the word in its usual sense.
NAMES_THAT_STAY = frozenset({"TokenSpending", "TokenSpendingAdmin", "spending"})
PROSE_WORDS = re.compile(
    r"\b(anew|anybody|anyhow|deeds?|doors?|everybody|farewells?|hears?|heard|hops?|knock(?:s|ed)?|lobby|meanwhile|nobody"
    r"|outbox|patience|says?|said|somebody"
    r"|tells?|told|whoever|whomever|(?:is|are) over)\b",
    re.IGNORECASE,
)
WH_CLAUSE = re.compile(r"(what|who|whoever|whom|whose|how|whether|which|why)\b", re.IGNORECASE)
WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
JS_NAME = re.compile(
    r"\b(?:function\*?|class|const|let)\s+([\w$]+)|^\s+(?:static |async |get |set )*(#?\w+)\([^)]*\) \{$", re.MULTILINE
)
JS_COMMENT = re.compile(r"(?:^|\s)//([^\n]*)|/\*(.*?)\*/", re.MULTILINE | re.DOTALL)


def findings_in(path: str, text: str) -> list[str]:
    """Returns a line for each name, comment and docstring of a file that breaks the rules."""
    found = [f"name {name}" for name in [Path(path).stem] if _has_name_word(name) and not name.startswith("test_")]
    found += _findings_in_python(text) if path.endswith(".py") else _findings_in_javascript(text)
    return found


def _findings_in_python(text: str) -> Iterator[str]:
    tree = ast.parse(text)
    for node in ast.walk(tree):
        yield from (f"{node.lineno}: name {name}" for name in _names_of(node) if _has_name_word(name))
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            docstring = ast.get_docstring(node) or ""
            line = getattr(node, "lineno", 1)
            if WH_CLAUSE.match(docstring):
                yield f"{line}: docstring is a clause: {docstring.splitlines()[0]}"
            yield from (f"{line}: docstring has “{word}”" for word in PROSE_WORDS.findall(docstring))
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield from (f"{token.start[0]}: comment has “{word}”" for word in PROSE_WORDS.findall(token.string))


def _names_of(node: ast.AST) -> list[str]:
    match node:
        # Names of tests are not checked, since they are sentences.
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
            return [] if name.startswith("test_") else [name]
        case ast.ClassDef(name=name) | ast.arg(arg=name):
            return [name]
        case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
            return [name]
    return []


def _findings_in_javascript(text: str) -> Iterator[str]:
    for match in JS_NAME.finditer(text):
        name = match[1] or match[2]
        if _has_name_word(name):
            yield f"{_line_of(text, match)}: name {name}"
    for match in JS_COMMENT.finditer(text):
        for word in PROSE_WORDS.findall(match[1] or match[2] or ""):
            yield f"{_line_of(text, match)}: comment has “{word}”"


def _line_of(text: str, match: re.Match[str]) -> int:
    return text.count("\n", 0, match.start()) + 1


def _has_name_word(name: str) -> bool:
    return name not in NAMES_THAT_STAY and not NAME_WORDS.isdisjoint(word.lower() for word in WORD.findall(name))


def read_allowance(text: str) -> dict[str, int]:
    """Maps each file to the number of findings that it may have."""
    return {path: int(count) for path, count in (line.split() for line in text.splitlines())}


def allowed(path: str, allowance: dict[str, int], paths: set[str]) -> int:
    """Returns the number of findings that a file may have. A file that has been moved keeps the number of the removed
    file with the same name.
    """
    if path in allowance:
        return allowance[path]
    moved = [old for old in allowance if old not in paths and Path(old).name == Path(path).name]
    return allowance[moved[0]] if len(moved) == 1 else 0


def main() -> int:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.py", "*.js", "*.mjs"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    paths = {
        path
        for path in listed.stdout.splitlines()
        if (ROOT / path).exists() and "prose_check" not in path and not re.search(r"migrations/\d|/vendor/", path)
    }
    found = {path: findings_in(path, (ROOT / path).read_text()) for path in sorted(paths)}
    allowance = read_allowance(ALLOWANCE.read_text())
    if sys.argv[1:] == ["--shrink"]:
        kept = {path: min(len(lines), allowed(path, allowance, paths)) for path, lines in found.items()}
        ALLOWANCE.write_text("".join(f"{path} {count}\n" for path, count in kept.items() if count))
    exceeding = [path for path, lines in found.items() if len(lines) > allowed(path, allowance, paths)]
    for path in exceeding:
        print(f"{path}: {len(found[path])} findings, {allowed(path, allowance, paths)} allowed (bin/_prose_check.txt)")
        for line in found[path]:
            print(f"  {line}")
    return bool(exceeding)


if __name__ == "__main__":
    sys.exit(main())
