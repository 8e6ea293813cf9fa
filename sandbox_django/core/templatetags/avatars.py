"""Avatars: a user's initials on a colour."""

from django import template

register = template.Library()

HUES = 8  # the number of colours in avatar.css


@register.filter
def initials(name: str) -> str:
    """The first letters of the first and the last word: "Alice van Dyke" is AD."""
    words = name.split()
    return "".join(word[0] for word in (words[:1] + words[1:][-1:])).upper()


@register.filter
def hue(pk: int) -> int:
    """Returns the number of a colour, always the same for the same user."""
    return pk % HUES
