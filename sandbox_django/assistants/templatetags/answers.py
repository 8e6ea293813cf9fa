from dataclasses import dataclass
from functools import lru_cache

from django import template
from django.utils.safestring import SafeString

from assistants.services.error_messages import error_message
from core.markdown import finished_length, render_markdown

register = template.Library()

register.filter("error_message", error_message)


@dataclass(frozen=True)
class Unfinished:
    """A running answer: the HTML of its completed blocks, and the text after them."""

    html: SafeString
    drawn: int  # characters of the text that are rendered in `html`
    tail: str


LONGEST_UNFINISHED = 10_000  # characters; a longer text is shown as plain text until the answer has ended


@register.filter
@lru_cache(maxsize=20)  # pages that open the same running answer between two checkpoints share the result
def as_unfinished(text: str) -> Unfinished:
    drawn = finished_length(text) if len(text) <= LONGEST_UNFINISHED else 0
    html = render_markdown(text[:drawn]) if drawn else SafeString()
    return Unfinished(html, drawn, text[drawn:])
