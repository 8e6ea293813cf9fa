"""For tests whose threads ask the database."""

from collections.abc import Callable
from typing import Any

from django.db import connection


def with_own_connection(function: Callable[..., Any], *args: Any) -> Any:
    """Call it in a thread, whose connection would otherwise outlive the test."""
    try:
        return function(*args)
    finally:
        connection.close()
