"""Dates as people read them."""

from datetime import datetime

from django.utils.formats import date_format
from django.utils.timezone import localtime


def formatted(moment: datetime) -> str:
    return date_format(localtime(moment), "j M Y, H:i")
