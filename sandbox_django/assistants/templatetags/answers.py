from dataclasses import dataclass

from django import template
from django.utils.safestring import SafeString

from assistants.services.failures import words_for
from core.markdown import finished_length, render_markdown

register = template.Library()

register.filter("words_for", words_for)


@dataclass(frozen=True)
class Unfinished:
    """An answer that is being written: what of it is drawn, and the text that follows."""

    html: SafeString
    drawn: int  # characters
    tail: str


@register.filter
def as_unfinished(text: str) -> Unfinished:
    drawn = finished_length(text)
    return Unfinished(render_markdown(text[:drawn]), drawn, text[drawn:])
