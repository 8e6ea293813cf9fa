"""The setting that determines the threads of database work."""

from django.conf import settings


def database_threads() -> int | None:
    """Returns DATABASE_THREADS, the number of threads that run views.

    None if a project doesn't set it: database work then runs by Channels' `database_sync_to_async`. 0 in tests:
    everything runs on the thread that holds the test's transaction.
    """
    threads: int | None = getattr(settings, "DATABASE_THREADS", None)
    return threads
