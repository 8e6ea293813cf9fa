"""Marks views that hash a password or render long Markdown, which run in the small compute pool."""

from collections.abc import Callable
from typing import Any, TypeVar

View = TypeVar("View", bound=Callable[..., Any])

# Bytes of a request's body. A shorter text takes only milliseconds, and would fill the pool's queue in a busy room.
SHORT_TEXT = 2_000


def cpu_bound(*methods: str, above: int = 0) -> Callable[[View], View]:
    """Runs requests with these methods in the compute pool if their body has more than `above` bytes.

    Decorates a view function, a view class (also for its subclasses), or a view method of an admin class.
    """

    def mark(view: View) -> View:
        view.cpu_bound = dict.fromkeys(methods, above)  # type: ignore[attr-defined]  # read by `limits_of`
        return view

    return mark


METHODS = ("POST", "PUT", "PATCH")
renders = cpu_bound(*METHODS, above=SHORT_TEXT)
hashes = cpu_bound("POST")


def limits_of(callback: Callable[..., Any]) -> dict[str, int]:
    """Returns for each marked method of a URL's view the body size above which requests run in the pool."""
    # The callbacks of DRF's and Django's class views have the view class in different attributes.
    for view in (callback, getattr(callback, "cls", None), getattr(callback, "view_class", None)):
        if marked := getattr(view, "cpu_bound", None):
            return dict(marked)
    return {}
