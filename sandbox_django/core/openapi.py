"""What the OpenAPI schema says about errors."""

from typing import Any

from drf_spectacular import openapi
from drf_spectacular.utils import Direction
from rest_framework import serializers


class ErrorSerializer(serializers.Serializer[Any]):
    """One thing that is wrong."""

    code = serializers.CharField(help_text="Stable, for programs.")
    detail = serializers.CharField(help_text="For people.")
    attr = serializers.CharField(allow_null=True, help_text="The field it is about, as on the wire.")


class ErrorResponseSerializer(serializers.Serializer[Any]):
    """Every refusal and every failure has this shape."""

    type = serializers.ChoiceField(["validation_error", "client_error", "server_error"])
    errors = ErrorSerializer(many=True)  # type: ignore[assignment]  # the wire's name, which serializers use too


class AutoSchema(openapi.AutoSchema):
    """With the one shape of errors as the default answer: whichever status it is, that is what it looks like."""

    def _get_response_bodies(self, direction: Direction = "response") -> dict[str, Any]:
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        if direction == "response":
            error = self._get_response_for_code(ErrorResponseSerializer, "default")  # type: ignore[no-untyped-call]  # so it is
            bodies["default"] = error
        return bodies
