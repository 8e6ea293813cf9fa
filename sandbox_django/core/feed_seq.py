"""`Feed-Seq`: where the feed stood before the rows of an answer were read."""

from typing import Any

from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.views import APIView

from live import feeds


class FeedSeqMixin(APIView):
    """For views about what has a feed, which they name in `feed`: put it before the generic view.

    Whoever opens the socket with the number that a GET gave them misses nothing.
    """

    feed_seq: int | None = None

    def feed(self) -> str | None:
        """The feed of what the URL names, if it has one."""
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
