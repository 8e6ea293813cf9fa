from django.db import models


class TokenSpending(models.Model):
    """What an account, an address or the site has used of a day, and of the newest minute."""

    quota_key = models.CharField(max_length=100, db_column="spender")
    day = models.DateField()
    tokens = models.PositiveIntegerField(default=0)  # in and out, with what is set aside for answers that run

    minute_began_at = models.PositiveBigIntegerField(
        default=0
    )  # in Unix seconds: with the first question after a pause
    asked_in_minute = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["quota_key", "day"], name="one_spending_a_day")]
        ordering = ["-day", "quota_key"]

    def __str__(self) -> str:
        return f"{self.quota_key} on {self.day}: {self.tokens} tokens"
