from core.live.models import Feed, FeedEvent

__all__ = ["Feed", "FeedEvent"]
