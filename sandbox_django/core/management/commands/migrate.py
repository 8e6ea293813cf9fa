import time
from typing import Any

from django.core.management.commands import migrate
from django.db import OperationalError, connections
from psycopg.errors import LockNotAvailable

LOCK_TIMEOUT = "5s"
ATTEMPTS = 12
PAUSE = 5.0  # seconds between two attempts, in which waiting queries can run


class Command(migrate.Command):
    """Django's `migrate`, which on PostgreSQL doesn't block other queries while it waits for a lock.

    An ALTER TABLE waits until running transactions have ended, and every later query waits behind it: one long report
    would stop the site. So a lock that isn't granted in time is given up and requested again later. Completed
    migrations are kept and not repeated.
    """

    help = "Updates the database schema; on PostgreSQL without making other queries wait for a lock."

    def handle(self, *args: Any, **options: Any) -> None:
        connection = connections[options["database"]]
        if connection.vendor != "postgresql":
            super().handle(*args, **options)
            return
        for attempt in range(1, ATTEMPTS + 1):
            try:
                with connection.cursor() as cursor:
                    cursor.execute("SELECT set_config('lock_timeout', %s, false)", [LOCK_TIMEOUT])
                super().handle(*args, **options)
                return
            except OperationalError as failure:
                if not isinstance(failure.__cause__, LockNotAvailable) or attempt == ATTEMPTS:
                    raise
                self.stderr.write(f"\nNo lock within {LOCK_TIMEOUT}, because others use the table. Trying again ...")
                time.sleep(PAUSE)
            finally:
                if not connection.in_atomic_block and connection.connection and not connection.connection.closed:
                    with connection.cursor() as cursor:
                        cursor.execute("RESET lock_timeout")
