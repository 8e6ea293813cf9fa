"""How long ago something was. The page's modules say it again in the same words as time goes on."""

from datetime import datetime

from django import template
from django.utils import timezone
from django.utils.formats import date_format

from core.dates import formatted_here

register = template.Library()

register.filter("full_date", formatted_here)


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
    day = timezone.localtime(moment)
    return date_format(day, "j M" if day.year == timezone.localtime().year else "j M Y")
