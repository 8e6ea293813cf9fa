from django.db import models


class PeriodicJob(models.Model):
    """The next time of a periodic job, and the process that runs it."""

    name = models.CharField(max_length=100, primary_key=True)
    due_at = models.DateTimeField()
    # The process that ran it last. Until the lease expires, that process is considered to be running it.
    holder = models.CharField(max_length=100)
    lease_expires_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name
