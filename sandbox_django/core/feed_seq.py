"""Adds the header `Feed-Seq` to responses: the feed's head before the rows were read."""

from typing import Any

from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.views import APIView

from live import feeds


class FeedSeqMixin(APIView):
    """Adds `Feed-Seq` to the responses of a view that defines `feed`. Put it before the generic view.

    A client that opens the socket with the `Feed-Seq` of a GET misses no event.
    """

    feed_seq: int | None = None

    def feed(self) -> str | None:
        """Returns the feed of the URL's object, if it has one."""
        return None

    @classmethod
    def has_feed(cls) -> bool:
        return cls.feed is not FeedSeqMixin.feed

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if request.method in SAFE_METHODS and (feed := self.feed()):
            self.feed_seq = feeds.head(feed)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        if self.feed_seq is not None and response.status_code == 200:
            response["Feed-Seq"] = str(self.feed_seq)
        return super().finalize_response(request, response, *args, **kwargs)
