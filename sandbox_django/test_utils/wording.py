"""Checks that no response contains a sentence of Django or REST framework in its original wording.

A middleware of the test settings checks every response of every test, except those of the admin, which keeps Django's
wording. Our wording is in `locale/en/LC_MESSAGES/django.po`.
"""

import ast
import html
import re
from collections.abc import Callable, Iterator
from functools import cache
from importlib.metadata import distribution
from pathlib import Path

from django.http import HttpRequest, HttpResponse

# The modules of each package whose messages can reach a user.
SOURCES = {
    "Django": (
        "django/contrib/auth/forms.py",
        "django/contrib/auth/password_validation.py",
        "django/core/paginator.py",
        "django/core/validators.py",
        "django/db/models/base.py",
        "django/db/models/constraints.py",
        "django/db/models/fields/__init__.py",
        "django/db/models/fields/related.py",
        "django/forms/fields.py",
        "django/forms/forms.py",
        "django/forms/models.py",
        "django/middleware/csrf.py",
        "django/shortcuts.py",
    ),
    "djangorestframework": (
        "rest_framework/authentication.py",
        "rest_framework/exceptions.py",
        "rest_framework/fields.py",
        "rest_framework/pagination.py",
        "rest_framework/parsers.py",
        "rest_framework/relations.py",
        "rest_framework/serializers.py",
        "rest_framework/validators.py",
    ),
    "djangorestframework-simplejwt": (
        "rest_framework_simplejwt/authentication.py",
        "rest_framework_simplejwt/backends.py",
        "rest_framework_simplejwt/exceptions.py",
        "rest_framework_simplejwt/serializers.py",
        "rest_framework_simplejwt/tokens.py",
    ),
}
TRANSLATED = {"_", "gettext", "gettext_lazy", "ngettext", "ngettext_lazy"}
UNTRANSLATED = re.compile(r"^(CSRF|Origin checking|Referer checking|No %s matches|JSON parse error)")
PLACEHOLDER = re.compile(r"%\(\w+\)[a-z]|%[a-z]|\{[^}]*\}")
SENTENCE = re.compile(r"^(?!%\()\S+ \S.*\.$|^Token |^Given token |^That page |^CSRF |^No %s matches |^JSON parse error")


@cache
def sentences() -> frozenset[str]:
    """Returns the sentences of Django, REST framework and Simple JWT that can reach a user."""
    return frozenset(text for text in _texts() if SENTENCE.match(text))


def _texts() -> Iterator[str]:
    for package, modules in SOURCES.items():
        for module in modules:
            tree = ast.parse(Path(str(distribution(package).locate_file(module))).read_text())
            for node in ast.walk(tree):
                match node:
                    case ast.Call(func=function, args=arguments) if _name_of(function) in TRANSLATED:
                        yield from (text for argument in arguments[:2] if (text := _text_of(argument)))
                    case ast.Constant(value=str(text)) if UNTRANSLATED.match(text):
                        yield text


def _name_of(function: ast.expr) -> str:
    return function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")


def _text_of(node: ast.expr) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def originals_in(text: str) -> list[str]:
    """Returns the original sentences that occur in the text of a page or of a JSON response."""
    text = html.unescape(text).replace('\\"', '"')
    return [sentence for sentence, longest, pattern in _patterns() if longest in text and pattern.search(text)]


@cache
def _patterns() -> list[tuple[str, str, re.Pattern[str]]]:
    # Each pattern comes with the longest fixed part of its sentence, since looking for that first is much faster.
    found = []
    for sentence in sorted(sentences()):
        parts = PLACEHOLDER.split(sentence)
        pattern = re.compile(r"(?<![\w ])" * bool(parts[0]) + r"[^<>\n]{0,100}?".join(map(re.escape, parts)))
        found.append((sentence, max(parts, key=len), pattern))
    return found


class WordingMiddleware:
    """Raises an error for a response that contains an original sentence."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if not response.streaming and not request.path.startswith("/admin/"):
            found = originals_in(response.content.decode(errors="replace"))
            assert not found, f"{request.method} {request.path} responds with an original sentence: {found}"
        return response
