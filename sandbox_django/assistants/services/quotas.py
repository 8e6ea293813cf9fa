"""Quotas for the assistant: concurrent answers, questions per minute, and tokens per day.

Tokens are reserved before an answer begins. When the answer has ended, the reservation is replaced by the real cost. So
concurrent answers can't exceed a quota. The counts are in the database, because tokens cost money and the quotas must
also hold when Redis is down.

A question counts for three quotas: that of its account, or of a visitor's address; that of its address with all
accounts; and that of the whole site, if the site has a quota. Rows of TokenSpending are always locked after the feeds,
in the order of their keys (docs/decisions/0026-budgets-of-addresses-and-the-site.md).
"""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple, Self

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db.models import F
from django.db.models.functions import Greatest
from django.utils import timezone
from rest_framework.exceptions import ErrorDetail

from accounts.models import User
from assistants.llm.base import Turn, Usage
from assistants.llm.errors import ModelProblem
from assistants.models import AssistantMessage, TokenSpending
from assistants.models.spending import DailyUsage
from core.metrics import throttled
from core.throttling import RateLimited

SITE_KEY = "site"
ANSWER_RESERVE = 1_000  # tokens reserved for the text of an answer until its real cost is known
MINUTE = 60  # seconds
BUSY_RETRY_AFTER = 5.0  # seconds; an answer may have ended by then
MAX_PLAUSIBLE_COST = 10_000_000  # tokens of one answer; a larger reported number is ignored
# Errors with which the server did not process the request, so that it costs nothing.
NOT_PROCESSED = {
    problem.value
    for problem in (
        ModelProblem.AUTH,
        ModelProblem.QUOTA,
        ModelProblem.NOT_FOUND,
        ModelProblem.RATE_LIMITED,
        ModelProblem.OVERLOADED,
        ModelProblem.UNREACHABLE,
        ModelProblem.REFUSED,
        ModelProblem.CONTEXT_TOO_LONG,
    )
}


@dataclass(frozen=True, slots=True)
class Quota:
    """The limits of one quota key; None means no limit."""

    key: str
    answers_at_once: int | None
    questions_per_minute: int | None
    tokens_per_day: int


@dataclass(frozen=True, slots=True)
class QuotaHolder:
    """The user or visitor that a question counts for, and the address of the request."""

    key: str
    address_key: str
    answers_at_once: int
    questions_per_minute: int
    tokens_per_day: int

    @classmethod
    def of(cls, user: User | AnonymousUser, address: str) -> Self:
        address_key = f"everyone at {address}"
        if user.is_authenticated:
            budget = settings.ASSISTANT_TOKENS_PER_DAY
            if user.email_verified_at is None:
                budget = min(budget, settings.ASSISTANT_UNVERIFIED_TOKENS_PER_DAY)
            return cls(
                f"person {user.pk}",
                address_key,
                settings.ASSISTANT_ANSWERS_AT_ONCE,
                settings.ASSISTANT_QUESTIONS_PER_MINUTE,
                budget,
            )
        return cls(
            f"address {address}",
            address_key,
            settings.ASSISTANT_ANONYMOUS_ANSWERS_AT_ONCE,
            settings.ASSISTANT_ANONYMOUS_QUESTIONS_PER_MINUTE,
            settings.ASSISTANT_ANONYMOUS_TOKENS_PER_DAY,
        )

    def quotas(self) -> list[Quota]:
        """Returns all quotas that apply, in the order in which their rows are locked."""
        own = Quota(self.key, self.answers_at_once, self.questions_per_minute, self.tokens_per_day)
        address = Quota(
            self.address_key,
            settings.ASSISTANT_ADDRESS_ANSWERS_AT_ONCE,
            settings.ASSISTANT_ADDRESS_QUESTIONS_PER_MINUTE,
            settings.ASSISTANT_ADDRESS_TOKENS_PER_DAY,
        )
        site_budget: int = settings.ASSISTANT_SITE_TOKENS_PER_DAY
        site = [Quota(SITE_KEY, None, None, site_budget)] if site_budget else []
        return sorted([own, address, *site], key=lambda quota: quota.key)


class DailyQuotaExceeded(RateLimited):
    """A token quota is used up until midnight UTC."""

    def __init__(self, key: str) -> None:
        now = timezone.now()
        tomorrow = datetime.combine(_day_of(now) + timedelta(days=1), datetime.min.time(), UTC)
        super().__init__(wait=math.ceil((tomorrow - now).total_seconds()))
        whose = "this site's" if key == SITE_KEY else "your"
        self.detail = ErrorDetail(
            f"The assistant has reached {whose} limit for today. Try again tomorrow.", self.default_code
        )

    @property
    def page_text(self) -> str:
        return str(self)


def estimated_tokens(text: str) -> int:
    """Estimates the tokens of a text without a tokenizer, as one for every four bytes of UTF-8."""
    return len(text.encode()) // 4 + 1


def reserve(holder: QuotaHolder, sent_tokens: int) -> int:
    """Reserves the tokens that an answer may cost; returns their number. Call it in a transaction.

    Raises `RateLimited` if one of the holder's limits is reached.
    """
    if not settings.LIMITS:
        return 0
    amount = sent_tokens + ANSWER_RESERVE
    now = timezone.now()
    quotas = holder.quotas()
    # The rows are locked, so no other request can count for these keys at the same time.
    days = {day.quota_key: day for day in TokenSpending.objects.lock([quota.key for quota in quotas], _day_of(now))}
    running = _answers_at_once(holder)
    changed = []
    for quota in quotas:
        _, _, tokens, minute_began_at, asked = days[quota.key]
        elapsed = now.timestamp() - minute_began_at
        if elapsed >= MINUTE:
            minute_began_at, asked, elapsed = int(now.timestamp()), 0, 0
        if quota.questions_per_minute is not None and asked >= quota.questions_per_minute:
            raise _rate_limited(wait=math.ceil(MINUTE - elapsed))
        if quota.answers_at_once is not None and running[quota.key] >= quota.answers_at_once:
            raise _rate_limited(wait=BUSY_RETRY_AFTER)
        if tokens + amount > quota.tokens_per_day:
            throttled.labels("questions").inc()
            raise DailyQuotaExceeded(quota.key)
        changed.append(DailyUsage(quota.key, _day_of(now), tokens + amount, minute_began_at, asked + 1))
    TokenSpending.objects.store(changed)
    return amount


def _rate_limited(wait: float) -> RateLimited:
    throttled.labels("questions").inc()
    return RateLimited(wait)


class Charge(NamedTuple):
    """The tokens reserved for an answer, and its real cost."""

    quota_key: str
    address_key: str
    asked_at: datetime
    reserved_tokens: int
    cost: int


def settle(charges: Iterable[Charge]) -> None:
    """Replaces the reserved tokens of answers by the answers' real costs."""
    changes: Counter[tuple[str, date]] = Counter()
    for charge in charges:
        for key in (charge.quota_key, charge.address_key, SITE_KEY):
            changes[key, _day_of(charge.asked_at)] += charge.cost - charge.reserved_tokens
    for (key, day), change in sorted(changes.items()):  # by key, the order in which `reserve` locks the rows
        if key and (key != SITE_KEY or settings.ASSISTANT_SITE_TOKENS_PER_DAY):
            TokenSpending.objects.filter(quota_key=key, day=day).update(tokens=Greatest(F("tokens") + change, 0))


def delete_old_days() -> int:
    """Deletes days that are more than a month old; returns their number."""
    deleted, _ = TokenSpending.objects.filter(day__lt=_day_of(timezone.now()) - timedelta(days=31)).delete()
    return deleted


def _day_of(moment: datetime) -> date:
    return moment.astimezone(UTC).date()


def _answers_at_once(holder: QuotaHolder) -> dict[str, int]:
    own, address = AssistantMessage.objects.count_running(holder.key, holder.address_key)
    return {holder.key: own, holder.address_key: address}


def sent_tokens(turns: Sequence[Turn]) -> int:
    """Estimates the tokens of these turns without a tokenizer."""
    return sum(estimated_tokens(turn.content) for turn in turns)


def cost_of(turns: Sequence[Turn], *, received: str, reasoning_size: int, usage: Usage | None, error: str = "") -> int:
    """Returns the cost in tokens: the reported usage, or else an estimate from the sent and received text."""
    if usage and 0 < (reported := usage.input_tokens + usage.output_tokens) <= MAX_PLAUSIBLE_COST:
        return reported
    if error in NOT_PROCESSED and not received and not reasoning_size:
        return 0
    return sent_tokens(turns) + (estimated_tokens(received) if received else 0) + reasoning_size // 4
