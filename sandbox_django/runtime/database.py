"""Limits the time of queries in requests, and recognizes the errors of a temporarily unavailable database."""

import sqlite3
import threading
import time
from typing import Any

from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

RETRY_SECONDS = 5  # the Retry-After header while the database is unavailable
PROGRESS_STEPS = 10_000  # SQLite instructions between two time checks: about a millisecond


class _ThreadLimit(threading.local):
    """The time limit of this thread's statements in seconds; None for no limit."""

    seconds: float | None = None
    deadline = 0.0


_limit = _ThreadLimit()


def limit_statements() -> None:
    """Limits each statement of the current thread to STATEMENT_TIMEOUT, on connections that it opens later."""
    _limit.seconds = settings.STATEMENT_TIMEOUT


def statement_limit() -> float | None:
    """Returns the time limit of this thread's statements in seconds; None for no limit."""
    return _limit.seconds


def _limit_connection(sender: object, connection: BaseDatabaseWrapper, **kwargs: Any) -> None:
    if _limit.seconds is None:
        return
    milliseconds = round(_limit.seconds * 1000)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"SET statement_timeout = {milliseconds}")
    elif connection.vendor == "sqlite":
        connection.connection.execute(f"PRAGMA busy_timeout = {milliseconds}")
        connection.connection.set_progress_handler(_is_overdue, PROGRESS_STEPS)
        if _set_deadline not in connection.execute_wrappers:
            connection.execute_wrappers.append(_set_deadline)


connection_created.connect(_limit_connection, dispatch_uid="runtime.database")


def _set_deadline(execute: Any, sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
    _limit.deadline = time.monotonic() + (_limit.seconds or 0)
    return execute(sql, params, many, context)


def _is_overdue() -> int:
    return time.monotonic() > _limit.deadline


def is_unavailable(error: BaseException) -> bool:
    """Returns whether a retry may succeed: after a lost connection, a lock or statement timeout, or a full disk.

    SQLite also raises an OperationalError for mistakes in SQL, so its error code is checked.
    """
    if not isinstance(error, OperationalError | InterfaceError):
        return False
    cause = error.__cause__
    if isinstance(cause, sqlite3.Error):
        return getattr(cause, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF != sqlite3.SQLITE_ERROR
    return True
