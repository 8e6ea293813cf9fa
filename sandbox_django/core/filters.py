"""Filters of lists in the API."""

from typing import Any

from django.db.models import QuerySet
from rest_framework.filters import BaseFilterBackend
from rest_framework.request import Request
from rest_framework.views import APIView

from core.search_text import SearchQuery


class SearchFilter(BaseFilterBackend):
    """`?search=`: only rows with all of these words in their `search_text`."""

    def filter_queryset(self, request: Request, queryset: QuerySet[Any], view: APIView) -> QuerySet[Any]:
        return SearchQuery.parse(request.query_params.get("search", "")).filter(queryset)

    def get_schema_operation_parameters(self, view: APIView) -> list[dict[str, Any]]:
        description = 'Only what has all of these words, in any part of its text. `"Two words"` belong together.'
        schema = {"type": "string"}
        return [{"name": "search", "in": "query", "required": False, "description": description, "schema": schema}]
