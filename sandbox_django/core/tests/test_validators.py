# ruff: noqa: RUF001 (these tests use names in other scripts)
import unicodedata

import pytest
from django.core.exceptions import ValidationError
from django.test import SimpleTestCase

from core.validators import clean_name, is_tag, is_visible, readable

INVISIBLE = (
    "",
    " ",
    "\u3164",
    "\u200b",
    "\u115f\u1160",
    "\uffa0",
    "\u2800",
    "\u00ad",
    "\ufeff",
    "\u200d",
    "\u0301",
    "\u2063 \u3164",
)


class NameTests(SimpleTestCase):
    def test_invisible_names_are_refused(self) -> None:
        for name in INVISIBLE:
            with self.subTest(ascii(name)):
                assert self.refused(name) == "invisible"
                assert not is_visible(name)

    def test_names_that_change_the_text_around_them_are_refused(self) -> None:
        for name in ("a\u202eb", "\u2066a", "a\nb", "a\x00b", "a\x1bb", "a\u2028b", "a\ud800"):
            with self.subTest(ascii(name)):
                assert self.refused(name) == "control_characters"

    def test_towers_of_accents_are_refused(self) -> None:
        assert self.refused("z" + "\u0301\u0302" * 5) == "too_many_marks"

    def test_names_of_any_script_are_kept(self) -> None:
        for name in (
            "Bob",
            "Zoë",
            "हिन्दी",
            "测试",
            "שָׁלוֹם",
            "می\u200cخواهم",
            "👩\u200d👩\u200d👧",
            "ผู้ใหญ่",
            "Nguyễn",
            "…",
        ):
            with self.subTest(name):
                assert clean_name(name) == unicodedata.normalize("NFC", name)

    def test_names_are_stored_in_one_form(self) -> None:
        assert clean_name("  Zoe\u0308 ") == "Zo\u00eb"

    def test_name_by_a_program_loses_what_a_name_may_not_have(self) -> None:
        assert readable("\u202eA\u0000 title\n of two\u2069 lines ") == "A title of two lines"

    def refused(self, name: str) -> str | None:
        with pytest.raises(ValidationError) as refusal:
            clean_name(name)
        return refusal.value.code


class TagTests(SimpleTestCase):
    def test_tag_is_a_word_of_any_script(self) -> None:
        for tag in ("हिन्दी", "测试", "c++", "c#", ".net", "node.js", "می\u200cخواهم", "a_b", "ไทย"):
            with self.subTest(tag):
                assert is_tag(tag)

    def test_other_characters_make_no_tag(self) -> None:
        for tag in (*INVISIBLE, "a b", "a/b", "a,b", "<b>", "a\u202eb", "🎉"):
            with self.subTest(ascii(tag)):
                assert not is_tag(tag)
