"""Helps tests that start threads to close the database connections of these threads."""

from collections.abc import Callable
from typing import Any

from django.db import connection


def with_own_connection(function: Callable[..., Any], *args: Any) -> Any:
    """Calls the function and then closes this thread's connection, which would otherwise outlive the test."""
    try:
        return function(*args)
    finally:
        connection.close()
