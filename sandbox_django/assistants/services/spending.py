"""Who may ask how much: answers at once, questions a minute, tokens a day.

Tokens are set aside before an answer begins and settled when it has ended, so that many answers at once can't spend
what one was allowed. All of it is counted in the database: unlike other limits these must hold when Redis is away,
because somebody pays for the tokens.
"""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Self

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db import connection
from django.db.models import F
from django.db.models.functions import Greatest
from django.utils import timezone

from accounts.models import User
from assistants.models import AssistantMessage, TokenSpending
from core.metrics import throttled
from core.throttling import TooOften

ANSWER_RESERVE = 1_000  # tokens that an answer is taken to cost until it has ended
MINUTE = 60  # seconds
ANSWER_PATIENCE = 5.0  # seconds after which it is worth while to ask whether an answer has ended


@dataclass(frozen=True, slots=True)
class Asker:
    """Somebody with limits: a person, or an address that nobody signed in from."""

    key: str
    answers_at_once: int
    questions_per_minute: int
    tokens_per_day: int

    @classmethod
    def of(cls, user: User | AnonymousUser, address: str) -> Self:
        if user.is_authenticated:
            return cls(
                f"person {user.pk}",
                settings.ASSISTANT_ANSWERS_AT_ONCE,
                settings.ASSISTANT_QUESTIONS_PER_MINUTE,
                settings.ASSISTANT_TOKENS_PER_DAY,
            )
        return cls(
            f"address {address}",
            settings.ASSISTANT_ANONYMOUS_ANSWERS_AT_ONCE,
            settings.ASSISTANT_ANONYMOUS_QUESTIONS_PER_MINUTE,
            settings.ASSISTANT_ANONYMOUS_TOKENS_PER_DAY,
        )


def estimated_tokens(text: str) -> int:
    """About what a text costs, without a tokenizer: four bytes are a token, in Latin scripts and others alike."""
    return len(text.encode()) // 4 + 1


def set_aside(asker: Asker, question: str) -> int:
    """Take what an answer may cost from the asker's day; returns how many tokens. Inside a transaction.

    Raises `TooOften` when a limit is reached.
    """
    if not settings.LIMITS:
        return 0
    reserve = estimated_tokens(question) + ANSWER_RESERVE
    now = timezone.now()
    # The day's row is locked, so nobody else of the same key counts or spends meanwhile.
    tokens, minute_began_at, asked = _lock_day(asker.key, _day_of(now))
    since_then = now.timestamp() - minute_began_at
    if since_then >= MINUTE:
        minute_began_at, asked, since_then = int(now.timestamp()), 0, 0
    if asked >= asker.questions_per_minute:
        raise _too_often(wait=math.ceil(MINUTE - since_then))
    if AssistantMessage.objects.streaming().filter(spender=asker.key).count() >= asker.answers_at_once:
        raise _too_often(wait=ANSWER_PATIENCE)
    if tokens + reserve > asker.tokens_per_day:
        tomorrow = datetime.combine(_day_of(now) + timedelta(days=1), datetime.min.time(), UTC)
        raise _too_often(wait=math.ceil((tomorrow - now).total_seconds()))
    TokenSpending.objects.filter(spender=asker.key, day=_day_of(now)).update(
        tokens=tokens + reserve, minute_began_at=minute_began_at, asked_in_minute=asked + 1
    )
    return reserve


def _too_often(wait: float) -> TooOften:
    throttled.labels("questions").inc()
    return TooOften(wait)


def settle(spent: Mapping[int, int]) -> None:
    """Replace what was set aside for answers by what they have cost: tokens by the answer's id."""
    if not spent:
        return
    changes: Counter[tuple[str, date]] = Counter()
    for answer in AssistantMessage.objects.only("spender", "reserved_tokens", "created_at").filter(pk__in=spent):
        changes[answer.spender, _day_of(answer.created_at)] += spent[answer.pk] - answer.reserved_tokens
    for (spender, day), change in sorted(changes.items()):  # in one order, so that nobody waits for whom they keep
        TokenSpending.objects.filter(spender=spender, day=day).update(tokens=Greatest(F("tokens") + change, 0))


def forget_old_days() -> int:
    """Delete what was spent more than a month ago; returns how many days of somebody that were."""
    forgotten, _ = TokenSpending.objects.filter(day__lt=_day_of(timezone.now()) - timedelta(days=31)).delete()
    return forgotten


def _day_of(moment: datetime) -> date:
    return moment.astimezone(UTC).date()


def _lock_day(spender: str, day: date) -> tuple[int, int, int]:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO assistants_tokenspending (spender, day, tokens, minute_began_at, asked_in_minute) "
            "VALUES (%s, %s, 0, 0, 0) "
            "ON CONFLICT (spender, day) DO UPDATE SET tokens = assistants_tokenspending.tokens "
            "RETURNING tokens, minute_began_at, asked_in_minute",
            [spender, day],
        )
        found: tuple[int, int, int] = cursor.fetchone()
        return found
