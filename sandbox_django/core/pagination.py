from collections.abc import Sequence
from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from rest_framework.exceptions import ValidationError
from rest_framework.pagination import LimitOffsetPagination
from rest_framework.request import Request
from rest_framework.utils.urls import remove_query_param, replace_query_param
from rest_framework.views import APIView

from core.query import LARGEST_ID, parse_id
from core.query_parameters import refuse_unknown_parameters

ModelType = TypeVar("ModelType", bound=Model)
Row = TypeVar("Row")


LARGEST_OFFSET = 2**31 - 1  # larger than the number of rows of any list


class PagePagination(LimitOffsetPagination):
    """`?limit=&offset=`: count, next, previous, results.

    `count` is exact up to MAX_COUNT, and a minimum above that: counting all of a long list would take longer than
    reading a page. `next` still leads to the end.
    """

    default_limit = 20
    max_limit = 100
    MAX_COUNT = 10_000

    def paginate_queryset(
        self, queryset: QuerySet[ModelType, Row] | Sequence[Row], request: Request, view: APIView | None = None
    ) -> list[Row] | None:
        assert isinstance(queryset, QuerySet)
        assert view is not None
        refuse_unknown_parameters(request, view)
        self.request = request
        self.limit = self.get_limit(request)
        assert self.limit is not None
        self.offset = self.get_offset(request)
        # One more row than the limit is read, to determine whether there is a next page.
        rows = self.read(queryset, self.offset, self.offset + self.limit + 1)
        counted = queryset.order_by().values("pk")[: self.MAX_COUNT].count()
        self.count = max(counted, self.offset + len(rows)) if rows else counted
        return rows[: self.limit]

    def read(self, queryset: QuerySet[Any, Row], first: int, end: int) -> list[Row]:
        return list(queryset[first:end])

    def get_offset(self, request: Request) -> int:
        return min(super().get_offset(request), LARGEST_OFFSET)

    def get_schema_operation_parameters(self, view: APIView) -> list[dict[str, Any]]:
        limit, offset = super().get_schema_operation_parameters(view)
        limit["description"] = "How many on a page."
        limit["schema"] = {"type": "integer", "minimum": 1, "maximum": self.max_limit, "default": self.default_limit}
        offset["description"] = "How many to leave out before."
        offset["schema"] = {"type": "integer", "minimum": 0, "maximum": LARGEST_OFFSET, "default": 0}
        return [limit, offset]

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        link = {"type": ["string", "null"], "format": "uri"}
        return {
            "type": "object",
            "properties": {
                "count": {
                    "type": "integer",
                    "minimum": 0,
                    "description": f"How many there are in all; from {self.MAX_COUNT:,} on, at least how many.",
                },
                "next": {**link, "description": "Where the next page is."},
                "previous": {**link, "description": "Where the page before is."},
                "results": schema,
            },
        }


class BoundedCountPagination(PagePagination):
    """Reads the ids of the page first, which an index alone provides, then the rows. For lists with many pages."""

    def read(self, queryset: QuerySet[Any, Row], first: int, end: int) -> list[Row]:
        ids = list(queryset.values_list("pk", flat=True)[first:end])
        rows: dict[Any, Any] = queryset.order_by().in_bulk(ids)
        return [rows[pk] for pk in ids if pk in rows]


class OldestFirstPagination(PagePagination):
    """Messages by id, ascending: `?before=<id>` is the page directly before it, `?after=<id>` the messages since.

    It uses ids instead of offsets, because the list may grow between two requests. `count` is the number on that side,
    and `next` continues in the same direction.
    """

    newest_first = False

    def paginate_queryset(
        self, queryset: QuerySet[ModelType, Row] | Sequence[Row], request: Request, view: APIView | None = None
    ) -> list[Row] | None:
        assert isinstance(queryset, QuerySet)
        before, after = id_in(request, "before"), id_in(request, "after")
        _refuse_two_places(request)
        if before is not None:
            queryset = queryset.filter(pk__lt=before)
        if after is not None:
            queryset = queryset.filter(pk__gt=after)

        self._upward = before is not None
        self._by_id = before is not None or after is not None
        descending = self._upward or (self.newest_first and after is None)
        page = super().paginate_queryset(queryset.order_by("-pk" if descending else "pk"), request, view)
        self._edge: Any = page[-1] if page else None
        return list(reversed(page)) if page and self._upward and not self.newest_first else page

    def get_offset(self, request: Request) -> int:
        by_id = "before" in request.query_params or "after" in request.query_params
        return 0 if by_id else super().get_offset(request)

    def get_next_link(self) -> str | None:
        link = super().get_next_link()
        if link is None or not self._by_id:
            return link
        link = remove_query_param(link, "offset")
        return replace_query_param(link, "before" if self._upward else "after", str(self._edge.pk))

    def get_schema_operation_parameters(self, view: APIView) -> list[dict[str, Any]]:
        return [
            *super().get_schema_operation_parameters(view),
            _parameter("before", "The page directly before the message with this id."),
            _parameter("after", "Messages after the one with this id, ascending."),
        ]


class NewestFirstPagination(OldestFirstPagination):
    newest_first = True


def _refuse_two_places(request: Request) -> None:
    """Refuses a request with two start positions, instead of ignoring one of them."""
    given = [name for name in ("before", "after", "offset") if name in request.query_params]
    if len(given) > 1:
        others = " and ".join(f"`{name}`" for name in given)
        raise ValidationError({given[0]: f"Use only one of {others}."}, code="conflicting_parameters")


def id_in(request: Request, name: str) -> int | None:
    text = request.query_params.get(name)
    if text is None:
        return None
    number = parse_id(text)
    if number is None:
        raise ValidationError({name: "This is not the id of a message."})
    return number


def _parameter(name: str, description: str) -> dict[str, Any]:
    schema = {"type": "integer", "minimum": 0, "maximum": LARGEST_ID}
    return {"name": name, "in": "query", "required": False, "description": description, "schema": schema}
