"""What the OpenAPI schema says of all routes: errors, limits, and the headers of sending twice and of going live."""

from typing import Any

from drf_spectacular import openapi
from drf_spectacular.utils import Direction, OpenApiParameter
from rest_framework import serializers
from rest_framework.permissions import AllowAny

from core.feed_seq import FeedSeqMixin

IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "maxLength": 200},
    OpenApiParameter.HEADER,
    description="Any string of yours. Sent again with the same body within a day, the request is not done again: the "
    "first answer comes back. With another body: 422.",
)
FEED_SEQ = {
    "description": "Where the feed of this thing stood before its rows were read. Open its socket with `?since=` this.",
    "schema": {"type": "integer"},
}
RETRY_AFTER = {"description": "In so many seconds it is worth another try.", "schema": {"type": "integer"}}


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

    def get_override_parameters(self) -> list[Any]:
        return [*super().get_override_parameters(), *([IDEMPOTENCY_KEY] if self._takes_key() else [])]

    def _get_response_bodies(self, direction: Direction = "response") -> dict[str, Any]:
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        if direction == "response":
            if self.method == "GET" and isinstance(self.view, FeedSeqMixin) and self.view.has_feed():
                bodies["200"]["headers"] = {"Feed-Seq": FEED_SEQ}
            for status, description in self._refusals():
                bodies.setdefault(status, self._error(description))
            bodies["429"]["headers"] = {"Retry-After": RETRY_AFTER}
            bodies["default"] = self._error("Anything else that went wrong.")
        return bodies

    def _refusals(self) -> list[tuple[str, str]]:
        writes = self.method != "GET"
        refusals = [
            ("400", "What was sent is not valid.", True),
            ("401", "Nobody is signed in, or the token has run out.", AllowAny not in self.view.permission_classes),
            ("403", "Not allowed.", True),
            ("404", "There is no such thing, for whoever asks.", "{" in self.path),
            ("409", "It does not go together with how things are now.", writes),
            ("422", "The Idempotency-Key was used for another request.", self._takes_key()),
            ("429", "Too often.", True),
        ]
        return [(status, description) for status, description, applies in refusals if applies]

    def _takes_key(self) -> bool:
        return self.method == "POST" and getattr(self.view, "takes_idempotency_key", False)

    def _error(self, description: str) -> dict[str, Any]:
        body: dict[str, Any] = self._get_response_for_code(ErrorResponseSerializer, "default")  # type: ignore[no-untyped-call]  # as published
        return body | {"description": description}
