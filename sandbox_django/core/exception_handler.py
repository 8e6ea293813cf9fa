"""Turns exceptions into the API's error responses, which have one format, stable codes, and field names as in JSON."""

import structlog
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.http import UnreadablePostError
from djangorestframework_camel_case.util import camelize_re, underscore_to_camel
from drf_standardized_errors.formatter import ExceptionFormatter
from drf_standardized_errors.handler import ExceptionHandler
from drf_standardized_errors.types import VALIDATION_ERROR, Error, ErrorType
from rest_framework import status
from rest_framework.exceptions import APIException, ParseError
from rest_framework.response import Response

from core.errors import BodyTooLarge, Refused, Unavailable
from runtime.database import is_unavailable
from runtime.failures import reason_of

logger = structlog.get_logger(__name__)


class KnownErrors(ExceptionHandler):
    """Converts exceptions of Django for which DRF would return a 500, although Django has a status for them."""

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


class CamelCaseErrors(ExceptionFormatter):
    def get_error_type(self) -> ErrorType:
        is_invalid = isinstance(self.exc, Refused) and self.exc.status_code == status.HTTP_400_BAD_REQUEST
        return VALIDATION_ERROR if is_invalid else super().get_error_type()

    def get_errors(self) -> list[Error]:
        field = self.exc.field if isinstance(self.exc, Refused) else ""
        return [
            Error(error.code, error.detail, _camelized(error.attr or field or None)) for error in super().get_errors()
        ]


def log_unavailable(error: Exception) -> None:
    """Logs one line without a traceback, because every request calls this while the database is down."""
    logger.warning("request_unavailable", reason=reason_of(error))


def server_error_detail() -> str:
    """Returns the text for an unexpected error, with the request's id and without the exception's message."""
    request_id = structlog.contextvars.get_contextvars().get("request_id")
    return (
        f"{APIException.default_detail} If it keeps happening, quote this reference: {request_id}."
        if request_id
        else str(APIException.default_detail)
    )


def _camelized(attr: str | None) -> str | None:
    return camelize_re.sub(underscore_to_camel, attr) if attr else attr
