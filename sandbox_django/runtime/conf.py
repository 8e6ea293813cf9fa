"""Reads the setting that determines in which threads database work runs."""

from django.conf import settings


def database_threads() -> int | None:
    """Returns the setting DATABASE_THREADS, the number of threads that run views.

    It is None if the project doesn't set it. Database work then runs with Channels' `database_sync_to_async`. It is 0
    in tests, where all database work runs in the thread that holds the test's transaction.
    """
    threads: int | None = getattr(settings, "DATABASE_THREADS", None)
    return threads
