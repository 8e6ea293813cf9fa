"""The same `POST` sent twice happens once, and is answered twice.

The key, the body's hash and the answer are stored in the transaction of the effect itself: there is no moment at which
one is there without the other. A twin sent meanwhile waits for that transaction at the key's unique index.
"""

import hashlib
import json
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar

from django.db import IntegrityError, models, transaction
from django.utils import timezone
from rest_framework.exceptions import ValidationError
from rest_framework.generics import GenericAPIView
from rest_framework.mixins import CreateModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.encoders import JSONEncoder

from core.errors import IdempotencyMismatch
from core.models import IdempotencyKey
from core.throttling import counts_survive_rollback

ModelType = TypeVar("ModelType", bound=models.Model)

MAX_KEY_LENGTH = 200
KEEP = timedelta(hours=24)


class IdempotentCreateMixin(CreateModelMixin, GenericAPIView[ModelType]):
    """For views that create: put it before the generic view."""

    takes_idempotency_key = True

    def find_what_url_names(self) -> object:
        """Raise when there is no such thing, or whoever asks may not see it."""
        return self.get_queryset()

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        # Whoever lost the right to it does not get an old answer either.
        self.find_what_url_names()
        return once(request, partial(super().create, request, *args, **kwargs))


def once(request: Request, create: Callable[[], Response]) -> Response:
    """The answer of `create`, or the stored one when this caller has sent this very request before.

    Call it when the caller's rights are known, and leave to `create` what depends on how things are now. What fails
    (raises) is not stored, and may be tried again.
    """
    key = request.headers.get("Idempotency-Key", "")
    if not key:
        return create()
    if len(key) > MAX_KEY_LENGTH:
        raise ValidationError(f"An Idempotency-Key has {MAX_KEY_LENGTH} characters at most.", code="key_too_long")
    digest = _digest([request.user.pk, request.method, request.path, key])
    body_digest = _digest(request.data)

    with counts_survive_rollback(), transaction.atomic():
        try:
            with transaction.atomic():
                mine = IdempotencyKey.objects.create(digest=digest, body_digest=body_digest)
        except IntegrityError:
            return _stored_answer(digest, body_digest)
        response = create()
        mine.status = response.status_code
        mine.headers = dict(response.headers)
        mine.answer = json.dumps(response.data, cls=JSONEncoder)
        mine.save(update_fields=["status", "headers", "answer"])
    return response


def forget_old_keys() -> int:
    """Delete what is older than a day; returns how many that were."""
    forgotten, _ = IdempotencyKey.objects.filter(created_at__lt=timezone.now() - KEEP).delete()
    return forgotten


def _stored_answer(digest: str, body_digest: str) -> Response:
    first = IdempotencyKey.objects.get(digest=digest)
    if first.body_digest != body_digest:
        raise IdempotencyMismatch
    return Response(json.loads(first.answer), status=first.status, headers=first.headers)


def _digest(said: Any) -> str:
    return hashlib.sha256(json.dumps(said, sort_keys=True, default=str).encode()).hexdigest()
