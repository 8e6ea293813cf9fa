"""Refusals that several services of the forum raise. Users read their texts."""

from core.errors import NotFound


class PostGone(NotFound):
    """The topic or reply was deleted between the request's first look at it and the change."""

    @property
    def page_text(self) -> str:
        return "This was deleted in the meantime."
