"""Template filters for dates. core/js/dates.js renders the same texts in the browser's time zone."""

from datetime import date, datetime, timedelta

from django import template
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.timezone import localdate, localtime

from core.dates import formatted_here

register = template.Library()

register.filter("full_date", formatted_here)


@register.filter
def day_group(moment: datetime) -> str:
    """Returns the heading for this date in a list: recent days by name, older ones by month."""
    day = localdate(moment)
    match (localdate() - day).days:
        case 0:
            return "Today"
        case 1:
            return "Yesterday"
        case days if days < 7:
            return "This week"
        case _:
            return date_format(day, "F Y")


@register.filter
def day_name(day: date) -> str:
    """Returns the heading for the messages of a day."""
    today = localdate()
    if day == today:
        return "Today"
    if day == today - timedelta(days=1):
        return "Yesterday"
    return date_format(day, "l j F" if day.year == today.year else "l j F Y")


@register.filter
def list_time(moment: datetime) -> str:
    """Returns the time if it is today, the weekday if it is this week, otherwise the date."""
    day = localdate(moment)
    match (localdate() - day).days:
        case 0:
            return date_format(localtime(moment), "H:i")
        case days if 0 < days < 7:
            return date_format(day, "D")
        case _:
            return date_format(day, "j M")


@register.filter
def age(moment: datetime) -> str:
    minutes = int((timezone.now() - moment).total_seconds() // 60)
    if minutes < 1:
        return "just now"
    if minutes < 60:
        return f"{minutes} min ago"
    if minutes < 24 * 60:
        return f"{minutes // 60} h ago"
    if minutes < 7 * 24 * 60:
        return f"{minutes // (24 * 60)} d ago"
    day = localtime(moment)
    return date_format(day, "j M" if day.year == localtime().year else "j M Y")
