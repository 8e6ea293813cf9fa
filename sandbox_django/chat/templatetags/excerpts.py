"""Template filters for excerpts of messages, and for search results."""

from django import template

from chat.excerpts import excerpt, excerpt_around

register = template.Library()

register.filter("excerpt", excerpt)
register.filter("excerpt_around", excerpt_around)
