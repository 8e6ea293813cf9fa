"""Refusals of the forum's services. Their texts are shown to users."""

from core.errors import NotFound


class PostGone(NotFound):
    """The topic or reply was deleted after the request found it."""

    @property
    def page_text(self) -> str:
        return "This was deleted in the meantime."
