"""Errors as API clients see them: one shape, stable codes, field names as on the wire."""

import structlog
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.http import UnreadablePostError
from djangorestframework_camel_case.util import camelize_re, underscore_to_camel
from drf_standardized_errors.formatter import ExceptionFormatter
from drf_standardized_errors.handler import ExceptionHandler
from drf_standardized_errors.types import Error
from rest_framework import status
from rest_framework.exceptions import APIException, ParseError


class Conflict(APIException):
    """What was asked for does not go together with how things are now; later it may."""

    status_code = status.HTTP_409_CONFLICT
    default_detail = "This is not possible right now."
    default_code = "conflict"


class IdempotencyMismatch(APIException):
    status_code = status.HTTP_422_UNPROCESSABLE_ENTITY
    default_detail = "This Idempotency-Key was already used for another request."
    default_code = "idempotency_mismatch"


class BodyTooLarge(APIException):
    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_detail = "The request is too large."
    default_code = "request_too_large"


class KnownErrors(ExceptionHandler):
    """Errors that Django has statuses for, and DRF would call ours."""

    def convert_known_exceptions(self, exc: Exception) -> Exception:
        if isinstance(exc, RequestDataTooBig):
            return BodyTooLarge()
        if isinstance(exc, SuspiciousOperation | UnreadablePostError):
            return ParseError()
        return super().convert_known_exceptions(exc)

    def convert_unhandled_exceptions(self, exc: Exception) -> APIException:
        return exc if isinstance(exc, APIException) else APIException(detail=our_fault())


class CamelCaseErrors(ExceptionFormatter):
    def get_errors(self) -> list[Error]:
        return [Error(error.code, error.detail, _camelized(error.attr)) for error in super().get_errors()]


def our_fault() -> str:
    """What is said of an error that nobody expected: never its own words, but where they are to be found."""
    request_id = structlog.contextvars.get_contextvars().get("request_id")
    return (
        f"A server error occurred. If it keeps happening, quote this reference: {request_id}."
        if request_id
        else "A server error occurred."
    )


def _camelized(attr: str | None) -> str | None:
    return camelize_re.sub(underscore_to_camel, attr) if attr else attr
