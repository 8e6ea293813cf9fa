"""Template filters for the first words of a message, and for search results."""

from django import template

from chat.excerpts import excerpt, excerpt_around

register = template.Library()

register.filter("excerpt", excerpt)
register.filter("excerpt_around", excerpt_around)
