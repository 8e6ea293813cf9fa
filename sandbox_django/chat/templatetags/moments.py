"""When something was said, as people say it. The page's modules say it again in the reader's own time zone."""

from datetime import date, datetime, timedelta

from django import template
from django.utils.formats import date_format
from django.utils.timezone import localdate, localtime

from chat.texts import around, excerpt

register = template.Library()

register.filter("excerpt", excerpt)
register.filter("around", around)


@register.filter
def day_name(day: date) -> str:
    """What stands above the messages of a day."""
    today = localdate()
    if day == today:
        return "Today"
    if day == today - timedelta(days=1):
        return "Yesterday"
    return date_format(day, "l j F" if day.year == today.year else "l j F Y")


@register.filter
def list_time(moment: datetime) -> str:
    """The hour of today, the weekday of this week, or the day."""
    day = localdate(moment)
    match (localdate() - day).days:
        case 0:
            return date_format(localtime(moment), "H:i")
        case days if 0 < days < 7:
            return date_format(day, "D")
        case _:
            return date_format(day, "j M")
