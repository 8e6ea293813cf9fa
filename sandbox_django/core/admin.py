from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from core.models import Feed, FeedEvent, IdempotencyKey


class ReadOnlyAdmin(admin.ModelAdmin[Any]):
    """To look at. The live core numbers these rows; a hand in them would make readers miss something."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@admin.register(Feed)
class FeedAdmin(ReadOnlyAdmin):
    list_display = ("name", "head")
    search_fields = ("name",)
    ordering = ("name",)


@admin.register(FeedEvent)
class FeedEventAdmin(ReadOnlyAdmin):
    list_display = ("feed", "seq", "created_at")
    search_fields = ("feed__name",)
    ordering = ("-pk",)
    show_full_result_count = False  # there may be millions


@admin.register(IdempotencyKey)
class IdempotencyKeyAdmin(ReadOnlyAdmin):
    list_display = ("digest", "status", "created_at")
    search_fields = ("digest",)
    ordering = ("-pk",)
