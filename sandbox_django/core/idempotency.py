"""The same `POST` sent twice happens once, and is answered twice.

The key, the body's hash and the id of the new object are stored in the transaction of the effect itself: there is no
moment at which one is there without the other. A twin sent in the meantime waits for that transaction at the key's
unique index. The second answer is the object as it is then: text that was deleted since is in no stored answer.
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

from core.errors import CreatedObjectGone, IdempotencyMismatch
from core.models import IdempotencyKey
from core.throttling import counts_survive_rollback

ModelType = TypeVar("ModelType", bound=models.Model)

MAX_KEY_LENGTH = 200
MIN_VISITOR_KEY_LENGTH = 22  # characters; 128 random bits in base64
KEEP = timedelta(hours=24)


class IdempotentCreateMixin(CreateModelMixin, GenericAPIView[ModelType]):
    """For views that create: put it before the generic view."""

    takes_idempotency_key = True

    def check_url_object(self) -> object:
        """Raise when there is no such thing, or whoever asks may not see it."""
        return self.get_queryset()

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        # Whoever lost the right to it does not get an old answer either.
        self.check_url_object()
        return once(request, partial(super().create, request, *args, **kwargs), self.find_created)

    def find_created(self, object_id: str) -> Any:
        """What an earlier request created, as it is now; None when it is gone."""
        created = self.get_queryset().filter(pk=object_id).first()
        return None if created is None else self.get_serializer(created).data


def once(request: Request, create: Callable[[], Response], find_created: Callable[[str], Any]) -> Response:
    """The answer of `create` or, when this caller has sent this very request before, what it created then.

    Call it when the caller's rights are known, and leave to `create` what depends on how things are now. What fails
    (raises) is not stored, and may be tried again.
    """
    key = request.headers.get("Idempotency-Key", "")
    if not key:
        return create()
    if len(key) > MAX_KEY_LENGTH:
        raise ValidationError(f"An Idempotency-Key has {MAX_KEY_LENGTH} characters at most.", code="key_too_long")
    if not request.user.is_authenticated and len(key) < MIN_VISITOR_KEY_LENGTH:
        # All visitors share one namespace, so the key is what only this client knows.
        raise ValidationError(
            f"Without signing in, an Idempotency-Key has at least {MIN_VISITOR_KEY_LENGTH} random characters, "
            "such as a UUID.",
            code="key_too_short",
        )
    digest = _digest([request.user.pk, request.method, request.path, key])
    body_digest = _digest(request.data)

    with counts_survive_rollback(), transaction.atomic():
        try:
            with transaction.atomic():
                record = IdempotencyKey.objects.create(digest=digest, body_digest=body_digest)
        except IntegrityError:
            return _second_answer(digest, body_digest, find_created)
        response = create()
        record.status = response.status_code
        record.headers = dict(response.headers)
        record.answer = str(response.data["id"])
        record.save(update_fields=["status", "headers", "answer"])
    return response


def delete_old_keys() -> int:
    """Delete what is older than a day; returns how many that were."""
    deleted, _ = IdempotencyKey.objects.filter(created_at__lt=timezone.now() - KEEP).delete()
    return deleted


def _second_answer(digest: str, body_digest: str, find_created: Callable[[str], Any]) -> Response:
    first = IdempotencyKey.objects.get(digest=digest)
    if first.body_digest != body_digest:
        raise IdempotencyMismatch
    created = find_created(first.answer)
    if created is None:
        raise CreatedObjectGone
    return Response(created, status=first.status, headers=first.headers)


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()
