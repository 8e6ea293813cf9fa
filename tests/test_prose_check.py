"""Tests the check of names, docstrings and comments that bin/check runs."""

import importlib.util
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent.parent / "bin" / "_prose_check.py"
_spec = importlib.util.spec_from_file_location("prose_check", SCRIPT)
assert _spec
assert _spec.loader
prose_check = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(prose_check)


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ('"""What a room is."""', "1: docstring is a clause: What a room is."),
        ('def f():\n    """Whether it is open."""', "1: docstring is a clause: Whether it is open."),
        ('class A:\n    """A room that tells its members."""', "1: docstring has “tells”"),
        ("# Whoever comes first.", "1: comment has “Whoever”"),
        ("# It waits until the\n# minute is over.", "2: comment has “is over”"),
        ("def hear_all(): pass", "1: name hear_all"),
        ("class SocketDoor: pass", "1: name SocketDoor"),
        ("ANSWER_PATIENCE = 3", "1: name ANSWER_PATIENCE"),
        ("def f(told): pass", "1: name told"),
        ("self.outbox = 1", "1: name outbox"),
    ],
)
def test_a_private_word_in_python_is_found(text: str, finding: str) -> None:
    assert prose_check.findings_in("room.py", text) == [finding]


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("export function sayIt() {}", "1: name sayIt"),
        ("class A {\n    hear(event) {\n    }\n}", "2: name hear"),
        ("let a = 1; // whoever\n", "1: comment has “whoever”"),
        ("/* A message\n * that was said. */", "1: comment has “said”"),
    ],
)
def test_a_private_word_in_javascript_is_found(text: str, finding: str) -> None:
    assert prose_check.findings_in("room.js", text) == [finding]


@pytest.mark.parametrize(
    "text",
    [
        '"""The members of a room."""\n\nimport os\n',
        'def test_former_members_receive_nothing():\n    send("told")\n',
        "doorway = hopeful = assay = 1\n",
        'WORDS = "said"\n',
    ],
)
def test_other_words_tests_and_strings_are_not_looked_at(text: str) -> None:
    assert prose_check.findings_in("room.py", text) == []


def test_strings_after_a_comment_in_javascript_are_not_looked_at() -> None:
    assert prose_check.findings_in("room.js", '// A room.\nsend("told");\n//\n') == []


def test_a_file_that_was_moved_keeps_its_allowance() -> None:
    allowance = prose_check.read_allowance("core/live/hub.py 3\ncore/forms.py 1\n")

    assert prose_check.allowed("live/hub.py", allowance, {"live/hub.py", "core/forms.py"}) == 3
    assert prose_check.allowed("chat/forms.py", allowance, {"chat/forms.py", "core/forms.py"}) == 0
