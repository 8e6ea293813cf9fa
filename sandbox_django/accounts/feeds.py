"""A registry of functions that find the feeds which contain a user. Each app registers its own function."""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager

from live import feeds

FindFeeds = Callable[[Collection[int]], Collection[str]]

_registered: list[FindFeeds] = []


def register(find_feeds: FindFeeds) -> FindFeeds:
    """Registers a function that takes user ids and returns the feeds that must be written to when these users are
    deleted.
    """
    _registered.append(find_feeds)
    return find_feeds


@contextmanager
def locked_for(user_ids: Collection[int]) -> Iterator[None]:
    """Opens a transaction that locks the feeds of these users, so that receivers of `pre_delete` can write to them."""
    with feeds.write_found(lambda: {name for find_feeds in _registered for name in find_feeds(user_ids)}):
        yield
