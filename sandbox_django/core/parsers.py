import json
from collections.abc import Mapping
from typing import IO, Any

from djangorestframework_camel_case.settings import api_settings
from djangorestframework_camel_case.util import underscoreize
from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser

from runtime.json_limits import MAX_DEPTH, TooComplex, check_json


class CamelCaseJSON(JSONParser):
    """Parses camelCase JSON into snake_case. Invalid bytes result in a 400, never a 500."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        try:
            data = json.loads(stream.read().decode(), parse_constant=_refuse)
            check_json(data)
            return underscoreize(data, **api_settings.JSON_UNDERSCOREIZE)
        except TooComplex:
            raise ParseError(f"The body has too many keys or values, or more than {MAX_DEPTH} levels.") from None
        except ValueError:
            raise ParseError("The body is not valid JSON.") from None
        except RecursionError:
            raise ParseError("The body is nested too deeply.") from None


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")  # Python would accept NaN and Infinity, but databases fail on them
