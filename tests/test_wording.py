"""Users read the project's own wording, not that of Django or REST framework."""

import gettext
import re
from pathlib import Path

import pytest
from django.conf import settings
from django.test import TestCase
from django.urls import reverse
from django.utils.translation import gettext as translated

from test_utils.users import alice
from test_utils.wording import originals_in, sentences

CATALOG = Path(settings.LOCALE_PATHS[0]) / "en" / "LC_MESSAGES"


def overrides() -> dict[tuple[str, ...], tuple[str, ...]]:
    """Maps each original text in django.po to our wording. Both are tuples: (text,) or (singular, plural)."""
    found = {}
    for block in (CATALOG / "django.po").read_text().split("\n\n"):
        originals = tuple(re.findall(r'^msgid(?:_plural)? "(.+)"$', block, re.MULTILINE))
        ours = tuple(re.findall(r'^msgstr(?:\[\d\])? "(.+)"$', block, re.MULTILINE))
        if originals:
            found[tuple(map(unescaped, originals))] = tuple(map(unescaped, ours))
    return found


def unescaped(text: str) -> str:
    return text.replace('\\"', '"').replace("\\\\", "\\")


def test_the_compiled_catalog_has_the_texts_of_the_readable_one() -> None:
    with (CATALOG / "django.mo").open("rb") as file:
        compiled = gettext.GNUTranslations(file)

    for (singular, *plural), ours in overrides().items():
        if plural:
            assert tuple(compiled.ngettext(singular, plural[0], number) for number in (1, 2)) == ours
        else:
            assert (compiled.gettext(singular),) == ours


def test_each_original_in_the_catalog_still_exists() -> None:
    originals = {original for pair in overrides() for original in pair if re.match(r"[^%].*\.$", original)}

    assert originals <= sentences()


def test_our_wording_contains_no_original() -> None:
    assert [text for pair in overrides().values() for text in pair if originals_in(text)] == []


@pytest.mark.parametrize(
    "text",
    [
        '{"detail": "This field is required."}',
        "<li>Ensure this value has at most 80 characters (it has 81).</li>",
        "<li>The two password fields didn\u2019t match.</li>",
        '{"detail": "Method \\"PUT\\" not allowed."}',
        '{"detail": "CSRF Failed: CSRF token missing."}',
        "No ChatMessage matches the given query.",
    ],
)
def test_an_original_sentence_is_found(text: str) -> None:
    assert originals_in(text)


class FormTests(TestCase):
    """Sends invalid forms. A middleware of the test settings checks the wording of each response."""

    def test_registration(self) -> None:
        for data in (
            {"email": ""},
            {"email": "not an e-mail", "password1": "1234", "password2": "4321"},
            {"email": "bob@example.com", "password1": "12345678", "password2": "12345678"},
            {"email": "bob@example.com", "password1": "bob@example.com", "password2": "bob@example.com"},
            {"email": f"{'b' * 250}@example.com", "display_name": "x" * 100},
            {"email": "b\0b@example.com", "password1": "short", "password2": "short"},
        ):
            response = self.client.post("/register", data)

            assert response.context["form"].errors

    def test_password_change(self) -> None:
        self.client.force_login(alice())
        for data in (
            {"old_password": ""},
            {"old_password": "wrong", "new_password1": "password", "new_password2": "passwords"},
        ):
            response = self.client.post(reverse("password_change"), data)

            assert response.context["form"].errors

    def test_sign_in(self) -> None:
        for data in (
            {"username": ""},
            {"username": "alice", "password": "x"},
            {"username": "a@example.com", "password": "x"},
        ):
            response = self.client.post("/login", data)

            assert response.context["form"].errors

    def test_translations_are_active(self) -> None:
        assert translated("This field is required.") == "This is required."
