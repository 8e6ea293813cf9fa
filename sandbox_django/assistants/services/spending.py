"""Who may ask how much: answers at once, questions a minute, tokens a day.

Tokens are set aside before an answer begins and settled when it has ended, so that many answers at once can't spend
what one was allowed. All of it is counted in the database: unlike other limits these must hold when Redis is away,
because somebody pays for the tokens.

A question counts for its account (or for the address of a visitor), for its address with all accounts that are used
from there, and for the whole site, if that has a budget. Rows of TokenSpending are always locked in the order of their
keys, after the feeds (docs/decisions/0026-budgets-of-addresses-and-the-site.md).
"""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple, Self

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db import connection
from django.db.models import F
from django.db.models.functions import Greatest
from django.utils import timezone
from rest_framework.exceptions import ErrorDetail

from accounts.models import User
from assistants.models import TokenSpending
from core.metrics import throttled
from core.throttling import TooOften

SITE_KEY = "site"
ANSWER_RESERVE = 1_000  # tokens that an answer is taken to cost until it has ended
MINUTE = 60  # seconds
ANSWER_PATIENCE = 5.0  # seconds after which it is worth while to ask whether an answer has ended


@dataclass(frozen=True, slots=True)
class Allowance:
    """The limits of one key. None is no limit."""

    key: str
    answers_at_once: int | None
    questions_per_minute: int | None
    tokens_per_day: int


@dataclass(frozen=True, slots=True)
class Asker:
    """Somebody with limits: a person, or an address that nobody signed in from; and the address they ask from."""

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

    def allowances(self) -> list[Allowance]:
        """Returns all limits that apply, in the order in which their rows are locked."""
        own = Allowance(self.key, self.answers_at_once, self.questions_per_minute, self.tokens_per_day)
        address = Allowance(
            self.address_key,
            settings.ASSISTANT_ADDRESS_ANSWERS_AT_ONCE,
            settings.ASSISTANT_ADDRESS_QUESTIONS_PER_MINUTE,
            settings.ASSISTANT_ADDRESS_TOKENS_PER_DAY,
        )
        site_budget: int = settings.ASSISTANT_SITE_TOKENS_PER_DAY
        site = [Allowance(SITE_KEY, None, None, site_budget)] if site_budget else []
        return sorted([own, address, *site], key=lambda allowance: allowance.key)


class DailyTokensSpent(TooOften):
    """A budget of tokens is used up until midnight UTC."""

    def __init__(self, key: str) -> None:
        now = timezone.now()
        tomorrow = datetime.combine(_day_of(now) + timedelta(days=1), datetime.min.time(), UTC)
        super().__init__(wait=math.ceil((tomorrow - now).total_seconds()))
        whose = "this site's" if key == SITE_KEY else "your"
        self.detail = ErrorDetail(
            f"The assistant has reached {whose} limit for today. Try again tomorrow.", self.default_code
        )


def estimated_tokens(text: str) -> int:
    """About what a text costs, without a tokenizer: four bytes are a token, in Latin scripts and others alike."""
    return len(text.encode()) // 4 + 1


def set_aside(asker: Asker, sent_tokens: int) -> int:
    """Take what an answer may cost from the asker's day; returns how many tokens. Inside a transaction.

    Raises `TooOften` when a limit is reached.
    """
    if not settings.LIMITS:
        return 0
    reserve = sent_tokens + ANSWER_RESERVE
    now = timezone.now()
    allowances = asker.allowances()
    # These rows are locked, so nobody else of the same keys counts or spends meanwhile.
    days = _lock_days([allowance.key for allowance in allowances], _day_of(now))
    running = _answers_at_once(asker)
    changed = []
    for allowance in allowances:
        tokens, minute_began_at, asked = days[allowance.key]
        since_then = now.timestamp() - minute_began_at
        if since_then >= MINUTE:
            minute_began_at, asked, since_then = int(now.timestamp()), 0, 0
        if allowance.questions_per_minute is not None and asked >= allowance.questions_per_minute:
            raise _too_often(wait=math.ceil(MINUTE - since_then))
        if allowance.answers_at_once is not None and running[allowance.key] >= allowance.answers_at_once:
            raise _too_often(wait=ANSWER_PATIENCE)
        if tokens + reserve > allowance.tokens_per_day:
            throttled.labels("questions").inc()
            raise DailyTokensSpent(allowance.key)
        changed.append((allowance.key, _day_of(now), tokens + reserve, minute_began_at, asked + 1))
    _store_days(changed)
    return reserve


def _too_often(wait: float) -> TooOften:
    throttled.labels("questions").inc()
    return TooOften(wait)


class Charge(NamedTuple):
    """What was set aside for an answer, and what it has cost."""

    spender: str
    address_key: str
    asked_at: datetime
    reserved_tokens: int
    cost: int


def settle(charges: Iterable[Charge]) -> None:
    """Replace what was set aside for answers by what they have cost."""
    changes: Counter[tuple[str, date]] = Counter()
    for charge in charges:
        for key in (charge.spender, charge.address_key, SITE_KEY):
            changes[key, _day_of(charge.asked_at)] += charge.cost - charge.reserved_tokens
    for (key, day), change in sorted(changes.items()):  # in the order in which questions lock them
        if key and (key != SITE_KEY or settings.ASSISTANT_SITE_TOKENS_PER_DAY):
            TokenSpending.objects.filter(spender=key, day=day).update(tokens=Greatest(F("tokens") + change, 0))


def forget_old_days() -> int:
    """Delete what was spent more than a month ago; returns how many days of somebody that were."""
    forgotten, _ = TokenSpending.objects.filter(day__lt=_day_of(timezone.now()) - timedelta(days=31)).delete()
    return forgotten


def _day_of(moment: datetime) -> date:
    return moment.astimezone(UTC).date()


def _lock_days(keys: Sequence[str], day: date) -> dict[str, tuple[int, int, int]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO assistants_tokenspending (spender, day, tokens, minute_began_at, asked_in_minute) "  # noqa: S608  # only placeholders are put in
            f"VALUES {', '.join(['(%s, %s, 0, 0, 0)'] * len(keys))} "
            "ON CONFLICT (spender, day) DO UPDATE SET tokens = assistants_tokenspending.tokens "
            "RETURNING spender, tokens, minute_began_at, asked_in_minute",
            [value for key in keys for value in (key, day)],
        )
        return {key: (tokens, began_at, asked) for key, tokens, began_at, asked in cursor.fetchall()}


def _answers_at_once(asker: Asker) -> dict[str, int]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT COUNT(CASE WHEN spender = %s THEN 1 END), COUNT(CASE WHEN address_key = %s THEN 1 END) "
            "FROM assistants_assistantmessage WHERE status = 'streaming' AND (spender = %s OR address_key = %s)",
            [asker.key, asker.address_key, asker.key, asker.address_key],
        )
        own, address = cursor.fetchone()
    return {asker.key: own, asker.address_key: address}


def _store_days(days: Sequence[tuple[str, date, int, int, int]]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO assistants_tokenspending (spender, day, tokens, minute_began_at, asked_in_minute) "  # noqa: S608  # only placeholders are put in
            f"VALUES {', '.join(['(%s, %s, %s, %s, %s)'] * len(days))} "
            "ON CONFLICT (spender, day) DO UPDATE SET tokens = excluded.tokens, "
            "minute_began_at = excluded.minute_began_at, asked_in_minute = excluded.asked_in_minute",
            [value for day in days for value in day],
        )
