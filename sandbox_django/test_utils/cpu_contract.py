"""Checks in every test that views which hash passwords or render Markdown are marked as such (`core/cpu_bound.py`).

A middleware of the test settings records the running view. A pytest plugin (conftest.py) fails the test if the
functions that hash or render are called while an unmarked view is running.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar
from unittest import mock

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher
from django.http import HttpRequest, HttpResponse
from markdown_it import MarkdownIt

from core.cpu_bound import limits_of
from runtime import threads

T = TypeVar("T")

# This view renders only the answer that is being written, at most once a second for all requests.
BOUNDED = {"GET assistant_conversation"}

_view: ContextVar[str] = ContextVar("view", default="")  # the running view; "" if the view is marked


class CpuContractMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        token = _view.set("")
        try:
            return self.get_response(request)
        finally:
            _view.reset(token)

    def process_view(self, request: HttpRequest, view: Callable[..., Any], args: Any, kwargs: Any) -> None:
        match = request.resolver_match
        name = f"{request.method} {match.view_name if match else ''}"
        if request.method not in limits_of(view) and name not in BOUNDED:
            _view.set(name)


@contextmanager
def another_request() -> Iterator[None]:
    """Suspends the check while a test sends a request as another user in the middle of a view."""
    token = _view.set("")
    try:
        yield
    finally:
        _view.reset(token)


def _watched(function: Callable[..., T]) -> Callable[..., T]:
    def watched(*args: Any, **kwargs: Any) -> T:
        assert not _view.get(), f"{_view.get()} hashes or renders: mark the view as in core/cpu_bound.py"
        return function(*args, **kwargs)

    return watched


@pytest.fixture(autouse=True, scope="session")
def cpu_bound_views_are_marked() -> Iterator[None]:
    really_in_pool = threads.in_pool

    async def in_pool(work: threads.Work, *args: Any, **kwargs: Any) -> Any:
        with another_request():  # only in tests, jobs run in the request's thread
            return await really_in_pool(work, *args, **kwargs)

    with (
        mock.patch.object(MD5PasswordHasher, "encode", _watched(MD5PasswordHasher.encode)),
        mock.patch.object(MarkdownIt, "render", _watched(MarkdownIt.render)),
        mock.patch.object(threads, "in_pool", in_pool),
    ):
        yield
