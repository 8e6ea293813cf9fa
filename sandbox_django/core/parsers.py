import json
from collections.abc import Mapping
from typing import IO, Any

from django.conf import settings
from djangorestframework_camel_case.settings import api_settings
from djangorestframework_camel_case.util import underscoreize
from rest_framework import status
from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import JSONParser


class BodyTooLarge(APIException):
    # Here, because DRF loads this file so early that the shape of errors can't be loaded yet.
    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_detail = "The request is too large."
    default_code = "request_too_large"


class CamelCaseJSON(JSONParser):
    """camelCase in, snake_case out. Whatever bytes arrive, the answer is never a 500."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE  # Django checks it only where it reads the body itself
        body = stream.read(limit + 1)
        if len(body) > limit:
            raise BodyTooLarge
        try:
            data = json.loads(body.decode(), parse_constant=_refuse)
            return underscoreize(data, **api_settings.JSON_UNDERSCOREIZE)
        except ValueError:
            raise ParseError("The body is not valid JSON.") from None
        except RecursionError:
            raise ParseError("The body is nested too deeply.") from None


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")  # Python would take NaN and Infinity, and databases would choke
