"""Query parameters of lists, declared once for the documents and for the check."""

from rest_framework.exceptions import ValidationError
from rest_framework.fields import BooleanField
from rest_framework.request import Request
from rest_framework.settings import api_settings
from rest_framework.views import APIView


def refuse_unknown_parameters(request: Request, view: APIView) -> None:
    """Raises a 400 that names each parameter that the list doesn't have.

    If a list ignored a misspelt filter, the client would get rows that it didn't ask for.
    """
    known = known_parameters(view)
    unknown = [name for name in request.query_params if name not in known]
    if unknown:
        has = f"It has {', '.join(f'`{name}`' for name in sorted(known))}." if known else "It has none."
        raise ValidationError(
            {name: f"This list has no parameter `{name}`. {has}" for name in unknown}, code="unknown_parameter"
        )


def known_parameters(view: APIView) -> set[str]:
    """Returns the names that the view, its filters and its pagination declare."""
    parts = [backend() for backend in getattr(view, "filter_backends", [])]
    if paginator := getattr(view, "paginator", None):
        parts.append(paginator)
    declared = {parameter["name"] for part in parts for parameter in part.get_schema_operation_parameters(view)}
    own = {parameter.name for parameter in getattr(view, "query_parameters", ())}
    # Used by content negotiation, not by the list.
    override = {api_settings.URL_FORMAT_OVERRIDE} if api_settings.URL_FORMAT_OVERRIDE else set()
    return declared | own | override


def flag_in(request: Request, name: str) -> bool:
    """Returns the boolean parameter `name`, False if it is missing."""
    text = request.query_params.get(name)
    if text is None:
        return False
    try:
        return bool(BooleanField().run_validation(text))
    except ValidationError:
        raise ValidationError({name: "Use `true` or `false`."}) from None
