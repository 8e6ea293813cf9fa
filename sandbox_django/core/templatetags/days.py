from datetime import datetime

from django import template
from django.utils.formats import date_format
from django.utils.timezone import localdate

register = template.Library()


@register.filter
def day_group(moment: datetime) -> str:
    """What a list puts above things of that day: near days by name, far ones by month."""
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
