"""Marks views that hash a password or render long Markdown: they run in a small pool of their own."""

from collections.abc import Callable
from typing import Any, TypeVar

View = TypeVar("View", bound=Callable[..., Any])

# Bytes of a request's body. A shorter text is rendered in some milliseconds, which needs no pool of its own; in the
# pool, a busy room would fill the queue.
SHORT_TEXT = 2_000


def cpu_bound(*methods: str, above: int = 0) -> Callable[[View], View]:
    """Run requests by these methods in the compute pool when their body has more than `above` bytes.

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
    """The marks of a URL's callback: for each method, the size of a body above which it belongs in the pool."""
    # DRF's and Django's class views say in different attributes which class they are of.
    for view in (callback, getattr(callback, "cls", None), getattr(callback, "view_class", None)):
        if marked := getattr(view, "cpu_bound", None):
            return dict(marked)
    return {}
