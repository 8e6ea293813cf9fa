"""Makes `POST` requests idempotent: a repeated request has no further effect and returns the same object.

The key, the body's hash and the id of the new object are stored in the transaction that creates the object. A duplicate
request that arrives during this transaction waits at the key's unique index. The response to a repeated request has the
object's current state; responses aren't stored, because they could contain text that was deleted later.
"""

import hashlib
import json
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar

from django.db import IntegrityError, models, transaction
from django.utils import timezone
from rest_framework import status
from rest_framework.exceptions import ValidationError
from rest_framework.generics import GenericAPIView
from rest_framework.mixins import CreateModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from core.errors import Refused
from core.models import IdempotencyKey
from core.throttling import counts_survive_rollback

ModelType = TypeVar("ModelType", bound=models.Model)

MAX_KEY_LENGTH = 200
MIN_VISITOR_KEY_LENGTH = 22  # characters; 128 random bits in base64
KEEP = timedelta(hours=24)


class IdempotencyMismatch(Refused):
    status_code = status.HTTP_422_UNPROCESSABLE_ENTITY
    default_detail = "This Idempotency-Key was already used for another request."
    default_code = "idempotency_mismatch"


class CreatedObjectGone(Refused):
    status_code = status.HTTP_410_GONE
    default_detail = "This request was done before, and what it created has been deleted since."
    default_code = "created_object_gone"


class IdempotentCreateMixin(CreateModelMixin, GenericAPIView[ModelType]):
    """Makes a view that creates objects idempotent. Put it before the generic view in the list of bases."""

    takes_idempotency_key = True

    def check_url_object(self) -> object:
        """Raises an error if the object in the URL doesn't exist or the user may not see it."""
        return self.get_queryset()

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        # Checked for repeated requests, too, because the user may have lost access.
        self.check_url_object()
        return once(request, partial(super().create, request, *args, **kwargs), self.find_created)

    def find_created(self, object_id: str) -> Any:
        """Returns the object that an earlier request created, in its current state; None if it has been deleted."""
        created = self.get_queryset().filter(pk=object_id).first()
        return None if created is None else self.get_serializer(created).data


def once(request: Request, create: Callable[[], Response], find_created: Callable[[str], Any]) -> Response:
    """Returns the response of `create` or, if the caller has sent the same request before, the object of that request.

    Call it after checking permissions; `create` checks all conditions that depend on the current state. If `create`
    raises an exception, nothing is stored, and the request can be repeated.
    """
    key = request.headers.get("Idempotency-Key", "")
    if not key:
        return create()
    if len(key) > MAX_KEY_LENGTH:
        raise ValidationError(f"An Idempotency-Key has {MAX_KEY_LENGTH} characters at most.", code="key_too_long")
    if not request.user.is_authenticated and len(key) < MIN_VISITOR_KEY_LENGTH:
        # All visitors share one namespace, so only the key's randomness protects the object.
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
    """Deletes keys older than a day; returns their number."""
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
