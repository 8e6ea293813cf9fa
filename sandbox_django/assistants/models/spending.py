from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from django.db import connection, models


class DailyUsage(NamedTuple):
    """The columns of a TokenSpending row."""

    quota_key: str
    day: date
    tokens: int = 0
    minute_began_at: int = 0
    asked_in_minute: int = 0


class UsageQuerySet(models.QuerySet["TokenSpending"]):
    def lock(self, keys: Sequence[str], day: date) -> list[DailyUsage]:
        """Locks the rows of these keys for a day, in the order of `keys`, and returns them; creates missing rows."""
        return self._upsert([DailyUsage(key, day) for key in keys], "tokens = assistants_tokenspending.tokens")

    def store(self, days: Sequence[DailyUsage]) -> None:
        self._upsert(
            days,
            "tokens = excluded.tokens, minute_began_at = excluded.minute_began_at, "
            "asked_in_minute = excluded.asked_in_minute",
        )

    def _upsert(self, days: Sequence[DailyUsage], update: str) -> list[DailyUsage]:
        # One statement for all keys, which locks the rows in the order of `days`.
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO assistants_tokenspending (spender, day, tokens, minute_began_at, asked_in_minute) "  # noqa: S608  # SQL of our code and placeholders
                f"VALUES {', '.join(['(%s, %s, %s, %s, %s)'] * len(days))} "
                f"ON CONFLICT (spender, day) DO UPDATE SET {update} "
                "RETURNING spender, tokens, minute_began_at, asked_in_minute",
                [value for day in days for value in day],
            )
            rows = cursor.fetchall()
        return [DailyUsage(key, days[0].day, *counts) for key, *counts in rows]


class TokenSpending(models.Model):
    """Counts an account's, an address' or the site's tokens on one day, and its questions in the newest minute."""

    quota_key = models.CharField(max_length=100, db_column="spender")
    day = models.DateField()
    tokens = models.PositiveIntegerField(default=0)  # input and output tokens, including reserved tokens

    minute_began_at = models.PositiveBigIntegerField(
        default=0
    )  # Unix seconds, starting with the first question after a pause
    asked_in_minute = models.PositiveIntegerField(default=0)

    objects = UsageQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["quota_key", "day"], name="one_spending_a_day")]
        ordering = ["-day", "quota_key"]

    def __str__(self) -> str:
        return f"{self.quota_key} on {self.day}: {self.tokens} tokens"
