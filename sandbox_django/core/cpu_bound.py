"""Marks views that hash a password or render long Markdown: they run in a small pool of their own."""

from collections.abc import Callable
from typing import Any, TypeVar

View = TypeVar("View", bound=Callable[..., Any])

# Bytes of a request's body. A shorter text takes only milliseconds; in the pool, a busy room would fill the queue.
SHORT_TEXT = 2_000


def cpu_bound(*methods: str, above: int = 0) -> Callable[[View], View]:
    """Runs requests with these methods in the compute pool if their body has more than `above` bytes.

    For a view function, a view class with its subclasses, or a view method of an admin class.
    """

    def mark(view: View) -> View:
        view.cpu_bound = dict.fromkeys(methods, above)  # type: ignore[attr-defined]  # read by `limits_of`
        return view

    return mark


METHODS = ("POST", "PUT", "PATCH")
renders = cpu_bound(*METHODS, above=SHORT_TEXT)
hashes = cpu_bound("POST")


def limits_of(callback: Callable[..., Any]) -> dict[str, int]:
    """Returns the marks of a URL's callback: for each method, the body size above which it runs in the pool."""
    # DRF's and Django's class views store their class in different attributes.
    for view in (callback, getattr(callback, "cls", None), getattr(callback, "view_class", None)):
        if marked := getattr(view, "cpu_bound", None):
            return dict(marked)
    return {}
