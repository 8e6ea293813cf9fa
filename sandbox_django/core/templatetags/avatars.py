"""How a person is drawn where there is room for two letters only."""

from django import template

register = template.Library()

HUES = 8  # as many as avatar.css knows


@register.filter
def initials(name: str) -> str:
    """The first letters of the first and the last word: "Alice van Dyke" is AD."""
    words = name.split()
    return "".join(word[0] for word in (words[:1] + words[1:][-1:])).upper()


@register.filter
def hue(pk: int) -> int:
    """One of the few colours, always the same for the same person."""
    return pk % HUES
