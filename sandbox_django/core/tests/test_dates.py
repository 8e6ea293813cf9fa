from datetime import datetime, timedelta
from unittest import mock

from django.test import SimpleTestCase
from django.utils import timezone

from core.templatetags.dates import age

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=timezone.get_default_timezone())


class AgeTests(SimpleTestCase):
    def test_ages_are_said_as_the_page_says_them_later(self) -> None:
        # The same as in js/dates.test.mjs.
        for minutes, words in [
            (-5, "just now"),
            (0.5, "just now"),
            (1, "1 min ago"),
            (59.9, "59 min ago"),
            (60, "1 h ago"),
            (24 * 60, "1 d ago"),
            (7 * 24 * 60, "17 Nov"),
        ]:
            with self.subTest(words), mock.patch("django.utils.timezone.now", return_value=NOW):
                assert age(NOW - timedelta(minutes=minutes)) == words
        with mock.patch("django.utils.timezone.now", return_value=NOW):
            assert age(datetime(2025, 9, 3, tzinfo=NOW.tzinfo)) == "3 Sep 2025"
