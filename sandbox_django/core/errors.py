"""Errors as API clients receive them: one format, stable codes, field names as in the JSON."""

import structlog
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.http import UnreadablePostError
from djangorestframework_camel_case.util import camelize_re, underscore_to_camel
from drf_standardized_errors.formatter import ExceptionFormatter
from drf_standardized_errors.handler import ExceptionHandler
from drf_standardized_errors.types import Error
from rest_framework import status
from rest_framework.exceptions import APIException, ParseError
from rest_framework.response import Response

from core.logs import reason_of
from runtime.database import RETRY_SECONDS, is_unavailable

logger = structlog.get_logger(__name__)


class Conflict(APIException):
    """The request conflicts with the current state. It may succeed later."""

    status_code = status.HTTP_409_CONFLICT
    default_detail = "This is not possible right now."
    default_code = "conflict"


class IdempotencyMismatch(APIException):
    status_code = status.HTTP_422_UNPROCESSABLE_ENTITY
    default_detail = "This Idempotency-Key was already used for another request."
    default_code = "idempotency_mismatch"


class CreatedObjectGone(APIException):
    status_code = status.HTTP_410_GONE
    default_detail = "This request was done before, and what it created has been deleted since."
    default_code = "created_object_gone"


class BodyTooLarge(APIException):
    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_detail = "The request is too large."
    default_code = "request_too_large"


class Unavailable(APIException):
    """503 with `Retry-After`: the same request may succeed in a moment."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_detail = "The service is busy or unavailable. Try again in a moment."
    default_code = "unavailable"
    wait = RETRY_SECONDS


class KnownErrors(ExceptionHandler):
    """Maps exceptions that have a status in Django, and that DRF would turn into a 500."""

    def convert_known_exceptions(self, exc: Exception) -> Exception:
        if is_unavailable(exc):
            return Unavailable()
        if isinstance(exc, RequestDataTooBig):
            return BodyTooLarge()
        if isinstance(exc, SuspiciousOperation | UnreadablePostError):
            return ParseError()
        return super().convert_known_exceptions(exc)

    def convert_unhandled_exceptions(self, exc: Exception) -> APIException:
        return exc if isinstance(exc, APIException) else APIException(detail=server_error_detail())

    def report_exception(self, exc: APIException, response: Response) -> None:
        if isinstance(exc, Unavailable):
            log_unavailable(self.exc)
            response._has_been_logged = True  # type: ignore[attr-defined]  # otherwise Django logs a second line
            return
        super().report_exception(exc, response)


def log_unavailable(error: Exception) -> None:
    """Logs one line without a traceback, because while the database is down every request fails."""
    logger.warning("request_unavailable", reason=reason_of(error))


class CamelCaseErrors(ExceptionFormatter):
    def get_errors(self) -> list[Error]:
        return [Error(error.code, error.detail, _camelized(error.attr)) for error in super().get_errors()]


def server_error_detail() -> str:
    """Returns the text for an unexpected error: a reference to the log instead of the exception's message."""
    request_id = structlog.contextvars.get_contextvars().get("request_id")
    return (
        f"A server error occurred. If it keeps happening, quote this reference: {request_id}."
        if request_id
        else "A server error occurred."
    )


def _camelized(attr: str | None) -> str | None:
    return camelize_re.sub(underscore_to_camel, attr) if attr else attr
