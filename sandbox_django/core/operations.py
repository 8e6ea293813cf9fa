"""A decorator for views that describes their operations for the OpenAPI document."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from rest_framework.views import APIView

from core.errors import Refused

ViewType = TypeVar("ViewType", bound=APIView)


@dataclass(frozen=True, kw_only=True)
class Operation:
    """Describes one method of a view, with the refusals that its service raises."""

    id: str
    summary: str
    description: str = ""
    refusals: tuple[type[Refused], ...] = ()  # in addition to those that `core.openapi` derives from the view
    forbidden: str = ""  # the description of a 403 without a class of `refusals`
    limit: str = ""  # describes the rate limit
    needs_token: bool = False  # True if the body or a cookie must have a token, although the view is public


def documented(tag: str, **operations: Operation) -> Callable[[type[ViewType]], type[ViewType]]:
    """Describes a view: `@documented("Rooms", get=Operation(id="listRooms", summary="The rooms I am in"))`."""

    def describe(view: type[ViewType]) -> type[ViewType]:
        view.api_tag = tag  # type: ignore[attr-defined]  # read by `core.openapi`
        view.operations = operations  # type: ignore[attr-defined]  # as above
        return view

    return describe
