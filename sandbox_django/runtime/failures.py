"""Describes database and network errors for the log."""

from django.db import InterfaceError, OperationalError
from redis.exceptions import RedisError

REASON_LENGTH = 200  # characters


def reason_of(failure: BaseException) -> str:
    """Returns the class and reason of a database or network error, without user data.

    The message of a lost connection or a timeout describes the server. Other messages may quote values, so for these
    errors only the error code and the name of the constraint are returned.
    """
    name, cause = type(failure).__name__, failure.__cause__
    if isinstance(failure, OperationalError | InterfaceError | OSError | RedisError):
        return f"{name}: {' '.join(str(failure).split())}"[:REASON_LENGTH].rstrip(": ")
    details = [getattr(cause, "sqlstate", None), getattr(getattr(cause, "diag", None), "constraint_name", None)]
    return " ".join([name, *(str(detail) for detail in details if detail)])
