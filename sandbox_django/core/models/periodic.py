from datetime import datetime

from django.db import connection, models


class PeriodicJobQuerySet(models.QuerySet["PeriodicJob"]):
    def claim(self, name: str, holder: str, *, now: datetime, due_at: datetime, lease_expires_at: datetime) -> bool:
        """Claims a job until `lease_expires_at`; returns False if it is not due or another process runs it."""
        at = connection.ops.adapt_datetimefield_value
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO core_periodicjob (name, holder, due_at, lease_expires_at) VALUES (%s, %s, %s, %s) "
                "ON CONFLICT (name) DO UPDATE SET holder = EXCLUDED.holder, due_at = EXCLUDED.due_at, "
                "lease_expires_at = EXCLUDED.lease_expires_at "
                "WHERE core_periodicjob.due_at <= %s AND core_periodicjob.lease_expires_at <= %s RETURNING name",
                [name, holder, at(due_at), at(lease_expires_at), at(now), at(now)],
            )
            return cursor.fetchone() is not None


class PeriodicJob(models.Model):
    """The time at which a periodic job is due next, and the process that runs the job."""

    name = models.CharField(max_length=100, primary_key=True)
    due_at = models.DateTimeField()
    # The process that last claimed the job. Until the lease expires, the job is considered to be running there.
    holder = models.CharField(max_length=100)
    lease_expires_at = models.DateTimeField()

    objects = PeriodicJobQuerySet.as_manager()

    def __str__(self) -> str:
        return self.name
