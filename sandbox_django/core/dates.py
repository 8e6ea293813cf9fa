"""Dates as people read them."""

from datetime import UTC, datetime

from django.utils.formats import date_format
from django.utils.timezone import localtime


def formatted(moment: datetime) -> str:
    return date_format(localtime(moment), "j M Y, H:i")


def aware(value: datetime) -> datetime:
    """A time that came straight from a column: SQLite keeps it in UTC, and without saying so."""
    return value if value.tzinfo else value.replace(tzinfo=UTC)
