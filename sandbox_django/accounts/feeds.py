"""The feeds that go with an account: every app registers how its own are found."""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager

from live import feeds

FindFeeds = Callable[[Collection[int]], Collection[str]]

_registered: list[FindFeeds] = []


def register(find_feeds: FindFeeds) -> FindFeeds:
    """Decorate a function that returns the feeds, of users given by id, that deleting these users writes to."""
    _registered.append(find_feeds)
    return find_feeds


@contextmanager
def locked_for(user_ids: Collection[int]) -> Iterator[None]:
    """A transaction that holds these feeds, so that receivers of `pre_delete` find them locked."""
    with feeds.write_found(lambda: {name for find_feeds in _registered for name in find_feeds(user_ids)}):
        yield
