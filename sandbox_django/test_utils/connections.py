"""Database connections of tests that start threads."""

from collections.abc import Callable
from typing import Any

from django.db import connection


def with_own_connection(function: Callable[..., Any], *args: Any) -> Any:
    """Calls the function and closes its connection. For threads, whose connection would otherwise outlive the test."""
    try:
        return function(*args)
    finally:
        connection.close()
