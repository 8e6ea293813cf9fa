"""Dates as people read them."""

from datetime import UTC, datetime
from functools import lru_cache

from django.utils.formats import date_format
from django.utils.timezone import get_default_timezone, get_default_timezone_name, localtime
from django.utils.translation import get_language

MINUTE = "j M Y, H:i"


def formatted_here(moment: datetime) -> str:
    """In the time zone of the user whose page is being rendered (`TimeZoneMiddleware`)."""
    return date_format(localtime(moment), MINUTE)


def formatted(moment: datetime) -> str:
    """In the site's time zone: the API and the frames say the same to all, whoever wrote or asks."""
    # To the minute, so what is said within one is worded once: that took a fifteenth of a question's whole request.
    return _formatted(moment.replace(second=0, microsecond=0), get_default_timezone_name(), get_language())


@lru_cache(maxsize=1000)
def _formatted(minute: datetime, timezone: str, language: str | None) -> str:
    return date_format(localtime(minute, get_default_timezone()), MINUTE)


def aware(value: datetime) -> datetime:
    """A time that came straight from a column: SQLite keeps it in UTC, and without saying so."""
    return value if value.tzinfo else value.replace(tzinfo=UTC)
