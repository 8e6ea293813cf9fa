"""Base classes for the admin: fast lists, read-only rows, and actions that call the site's services.

See docs/decisions/0014-the-admin.md.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from copy import copy
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, wraps
from typing import Any, ClassVar, TypeVar

from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.models import LogEntry
from django.contrib.admin.utils import model_ngettext
from django.contrib.auth import get_permission_codename
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.db import transaction
from django.db.models import (
    Count,
    DateField,
    ForeignKey,
    IntegerField,
    ManyToManyField,
    Model,
    OuterRef,
    QuerySet,
    Subquery,
)
from django.db.models.functions import Coalesce, Length
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from core.models import IdempotencyKey, PeriodicJob, RateLimitCount
from live.models import Feed, FeedEvent, FeedFloor

ModelType = TypeVar("ModelType", bound=Model)

admin.site.site_header = admin.site.site_title = settings.SITE_NAME
admin.site.index_title = "Administration"
admin.site.enable_nav_sidebar = False  # the sidebar shifts each page while it loads, and lists need the space


class BoundedPaginator(Paginator[Any]):
    """Counts at most MAX_COUNT rows, because counting a million rows takes longer than reading a page."""

    MAX_COUNT = 10_000

    @cached_property
    def count(self) -> int:
        assert isinstance(self.object_list, QuerySet)
        return self.object_list.order_by().values("pk")[: self.MAX_COUNT].count()


@dataclass(frozen=True, slots=True)
class RowAction:
    """An admin action on one row, with its labels and conditions."""

    run: Callable[[Any, Any, Any], None]
    description: str
    done: str
    permission: str
    warning: str
    applies_to: Callable[[Any], bool]


def row_action(
    description: str,
    done: str,
    *,
    permission: str = "moderate",
    warning: str = "",
    applies_to: Callable[[Any], bool] = lambda obj: True,
) -> Callable[[Callable[[Any, Any, Any], None]], Callable[..., HttpResponse | None]]:
    """Turns a method for one row into an admin action, which asks for confirmation and lists the skipped rows."""

    def decorate(run: Callable[[Any, Any, Any], None]) -> Callable[..., HttpResponse | None]:
        spec = RowAction(run, description, done, permission, warning, applies_to)

        @admin.action(permissions=[permission], description=description)
        @wraps(run)
        def run_action(
            self: "OperatorAdmin[Any]", request: HttpRequest, queryset: QuerySet[Any]
        ) -> HttpResponse | None:
            return self.run_action(request, queryset, spec)

        run_action.spec = spec  # type: ignore[attr-defined]  # read for the buttons on a row's own page
        return run_action

    return decorate


class OperatorAdmin(admin.ModelAdmin[ModelType]):
    """Lists rows in an indexed order, and calls the site's services for actions on rows."""

    paginator = BoundedPaginator
    list_per_page = list_max_show_all = 50
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER  # each facet would count the whole table
    ordering: ClassVar[tuple[str, ...]] = ("-pk",)
    sortable_by: ClassVar[tuple[str, ...]] = ()
    change_form_template = "core/admin/change_form.html"

    # The exceptions with which services refuse an action, each with the text that follows the row's name.
    refusals: ClassVar[dict[type[Exception], str]] = {}
    # The field with a row's owner. A search term with an @ searches only the e-mails of owners, because no index covers
    # both tables.
    user_field = ""
    # True if opening a row's page is logged, because the page shows private messages.
    is_private = False

    def has_moderate_permission(self, request: HttpRequest, obj: ModelType | None = None) -> bool:
        """Allows actions for staff who may change the model, even if the admin has no form for it."""
        return request.user.has_perm(f"{self.opts.app_label}.{get_permission_codename('change', self.opts)}")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[ModelType], search_term: str
    ) -> tuple[QuerySet[ModelType], bool]:
        """Finds rows by id, or by the beginning of lower-case fields such as e-mails and names of feeds."""
        assert self.opts.pk is not None
        try:
            row = queryset.filter(pk=self.opts.pk.to_python(search_term.strip()))
        except ValidationError:
            pass
        else:
            if search_term and row.exists():
                return row, False
        text = search_term.lower()
        if self.user_field and "@" in text:
            return queryset.filter(**{f"{self.user_field}__email__startswith": text}), False
        return super().get_search_results(request, queryset, text)

    # --- Filters -----------------------------------------------------------------------------------------------------

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Allows only the lookups that the page's own filters and links use.

        Django allows any lookup on the model's own fields. With `?content__startswith=`, staff could read private text
        letter by letter, without an entry in the log.
        """
        return lookup in self.permitted_lookups

    @cached_property
    def permitted_lookups(self) -> frozenset[str]:
        assert self.opts.pk is not None
        lookups = {f"{self.opts.pk.name}__exact"}
        for listed in self.list_filter:
            name, is_by_emptiness = (listed[0], True) if isinstance(listed, tuple) else (listed, False)
            assert isinstance(name, str)
            lookups |= _filter_lookups(self.opts.get_field(name), is_by_emptiness=is_by_emptiness)
        if isinstance(self.date_hierarchy, str):
            lookups |= {f"{self.date_hierarchy}__{part}" for part in ("year", "month", "day", "gte", "lt")}
        for relation in [*self.opts.fields, *self.opts.many_to_many]:
            if isinstance(relation, ForeignKey | ManyToManyField):
                lookups.add(f"{relation.name}__{relation.related_model._meta.pk.name}__exact")
        return frozenset(lookups)

    # --- Actions -----------------------------------------------------------------------------------------------------

    def run_action(self, request: HttpRequest, queryset: QuerySet[ModelType], spec: RowAction) -> HttpResponse | None:
        objects = list(queryset)
        if "post" not in request.POST:
            return self._confirm(request, objects, spec)
        done = 0
        for obj in objects:
            if not getattr(self, f"has_{spec.permission}_permission")(request, obj):
                self._warn(request, obj, "is not yours to change")
            elif not spec.applies_to(obj):
                self._warn(request, obj, "was left as it is")
            elif self._run_on_row(request, obj, spec):
                done += 1
        if done:
            self.message_user(request, f"{done} {model_ngettext(self.opts, done)} {spec.done}.", messages.SUCCESS)
        return None

    def _confirm(self, request: HttpRequest, objects: Sequence[Any], spec: RowAction) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": spec.description % {"verbose_name_plural": self.opts.verbose_name_plural},
            "opts": self.opts,
            "objects": objects,
            "spec": spec,
            "action": request.POST["action"],
            "from_page": "from_page" in request.POST,
            "checkbox": ACTION_CHECKBOX_NAME,
            "media": self.media,
        }
        return TemplateResponse(request, "core/admin/confirm_action.html", context)

    def _run_on_row(self, request: HttpRequest, obj: Any, spec: RowAction) -> bool:
        try:
            with transaction.atomic():  # the change and its log entry are stored together
                before = copy(obj)
                spec.run(self, request, obj)
                # Logged after the service call, because services lock feeds before any row, and the log entry locks the
                # row of the staff user.
                if spec.permission == "delete":
                    super().log_deletions(request, [before])  # type: ignore[arg-type]  # any rows will do
                else:
                    self.log_change(request, before, f"{spec.description}.")
        except tuple(self.refusals) as refusal:
            self._warn(request, obj, self.refusals[type(refusal)])
            return False
        return True

    def _warn(self, request: HttpRequest, obj: Any, text: str) -> None:
        self.message_user(request, f"“{obj}” {text}.", messages.WARNING)

    def response_action(
        self, request: HttpRequest, queryset: QuerySet[ModelType], action_location: Any = None
    ) -> HttpResponse | None:
        if request.POST.get("select_across", "0") != "0":
            self.message_user(request, "Nothing is done to more than one page of rows at a time.", messages.ERROR)
            return None
        response = super().response_action(request, queryset)
        if "from_page" in request.POST and isinstance(response, HttpResponseRedirect):
            return HttpResponseRedirect(self._page_of(request.POST[ACTION_CHECKBOX_NAME]))
        return response

    # --- Deleting ----------------------------------------------------------------------------------------------------

    def delete(self, request: Any, obj: Any) -> None:
        """Deletes the row with the site's service, which updates counters and notifies pages."""
        raise NotImplementedError

    @row_action("Delete selected %(verbose_name_plural)s", "deleted", permission="delete")
    def delete_selected(self, request: HttpRequest, obj: Any) -> None:
        self.delete(request, obj)

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        before = copy(obj)
        self.delete(request, obj)
        super().log_deletions(request, [before])  # type: ignore[arg-type]  # any rows will do

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        """Does nothing. Django calls this before a deletion, but feeds must be locked first. `delete_model` logs."""
        return []

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        try:
            return super().delete_view(request, object_id, extra_context)
        except tuple(self.refusals) as refusal:
            self._warn(request, self.get_object(request, object_id), self.refusals[type(refusal)])
            return HttpResponseRedirect(self._page_of(object_id))

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        """Returns the objects' names for the confirmation page. Deleting related rows needs no further permission."""
        names = [str(obj) for obj in objs]
        return names, {str(self.opts.verbose_name_plural): len(names)}, set(), []

    # --- A row's own page --------------------------------------------------------------------------------------------

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Any = None,
    ) -> HttpResponse:
        if obj is not None:
            if self.is_private:
                self.log_change(request, obj, "Read.")
            context |= {
                "buttons": list(self._buttons(request, obj)),
                "lists": list(self._related_lists(request, obj)),
                "checkbox": ACTION_CHECKBOX_NAME,
            }
        return super().render_change_form(request, context, add, change, form_url, obj)

    def _buttons(self, request: HttpRequest, obj: Any) -> Iterable[tuple[str, str]]:
        for name, action in self.get_actions(request).items():
            spec: RowAction | None = getattr(action and action[0], "spec", None)
            if spec is None or spec.permission == "delete":
                continue  # the page already has a button to delete
            if spec.applies_to(obj) and getattr(self, f"has_{spec.permission}_permission")(request, obj):
                yield name, spec.description

    def _related_lists(self, request: HttpRequest, obj: Any) -> Iterable[tuple[str, str]]:
        """Returns links to the lists of related rows."""
        for relation in self.opts.related_objects:
            model = relation.related_model
            if self.admin_site.is_registered(model) and self.admin_site.get_model_admin(model).has_view_permission(
                request
            ):
                changelist = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
                name = (relation.related_name or str(model._meta.verbose_name_plural)).replace("_", " ")
                yield f"{changelist}?{relation.field.name}__{self.opts.pk.name}__exact={obj.pk}", name

    def _page_of(self, object_id: Any) -> str:
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[object_id])


class ReadOnlyAdmin(OperatorAdmin[ModelType]):
    """A read-only admin. Forms would bypass the services, which update counters and publish events."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: ModelType | None = None) -> bool:
        return False


class HistoryAdmin(ReadOnlyAdmin[ModelType]):
    """A read-only admin without deletion, for rows that other rows count or refer to."""

    def has_delete_permission(self, request: HttpRequest, obj: ModelType | None = None) -> bool:
        return False


def _filter_lookups(field: Any, *, is_by_emptiness: bool) -> set[str]:
    if is_by_emptiness:
        return {f"{field.name}__isempty"}
    kinds = ("gte", "lt", "isnull") if isinstance(field, DateField) else ("exact", "isnull")
    return {f"{field.name}__{kind}" for kind in kinds}


def counted(rows: QuerySet[Any], by: str) -> Coalesce:
    """Returns an annotation with the number of related `rows`, which the list's query computes for one page only."""
    counts = rows.filter(**{by: OuterRef("pk")}).order_by().values(by).annotate(count=Count("pk")).values("count")
    return Coalesce(Subquery(counts, output_field=IntegerField()), 0)


def annotated(name: str, description: str) -> Callable[[Any, Model], Any]:
    """Returns a list column that shows an annotation of the list's query."""

    @admin.display(description=description)
    def column(_: Any, row: Model) -> Any:
        return getattr(row, name)

    return column


@admin.register(Feed)
class FeedAdmin(HistoryAdmin[Feed]):
    list_display = ["name", "head"]
    search_fields = ["name__startswith"]
    search_help_text = "The beginning of its name, as in “chat.room.7”."


@admin.register(FeedEvent)
class FeedEventAdmin(HistoryAdmin[FeedEvent]):
    """Lists events without their frames, which may contain private text."""

    list_display = ["id", "feed", "seq", "action", "length", "created_at"]
    list_filter = ["created_at"]
    list_select_related = ["feed"]
    search_fields = ["feed__name__startswith"]
    search_help_text = "The beginning of the feed's name, as in “chat.room.7”."
    fields = ["feed", "seq", "action", "length", "text_id", "text_length", "created_at"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[FeedEvent]:
        return super().get_queryset(request).annotate(length=Length("frame"))

    def action(self, event: FeedEvent) -> str:
        return str(json.loads(event.frame)["action"])

    length = annotated("length", "characters")


@admin.register(IdempotencyKey)
class IdempotencyKeyAdmin(HistoryAdmin[IdempotencyKey]):
    """Lists used idempotency keys, without the responses, which only a key's owner may see."""

    list_display = ["__str__", "status", "length", "created_at"]
    list_filter = ["created_at"]
    search_fields = ["digest__startswith"]
    search_help_text = "The beginning of the digest of caller, route and key."
    fields = ["status", "length", "created_at"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[IdempotencyKey]:
        return super().get_queryset(request).annotate(length=Length("answer")).defer("answer", "headers")

    length = annotated("length", "characters")


@admin.register(FeedFloor)
class FeedFloorAdmin(HistoryAdmin[FeedFloor]):
    """Shows the sequence number at which new feeds start."""

    list_display = ["head"]
    search_fields = ["head__exact"]
    search_help_text = "A number."


@admin.register(PeriodicJob)
class PeriodicJobAdmin(HistoryAdmin[PeriodicJob]):
    """Lists the site's periodic jobs, when each is due, and which process runs it."""

    list_display = ["name", "due_at", "holder", "lease_expires_at"]
    search_fields = ["name__startswith"]
    search_help_text = "The beginning of its name, as in “task_prune”."


@admin.register(RateLimitCount)
class RateLimitCountAdmin(HistoryAdmin[RateLimitCount]):
    """Lists the counts of rate limits, whose users and addresses are stored only as digests."""

    list_display = ["digest", "count", "expires"]
    search_fields = ["digest__startswith"]
    search_help_text = "The beginning of the digest of limit and key."
    fields = ["digest", "count", "expires"]
    ordering = ("-expires_at",)

    @admin.display(description="expires at", ordering="expires_at")
    def expires(self, count: RateLimitCount) -> datetime:
        return datetime.fromtimestamp(count.expires_at, UTC)


@admin.register(LogEntry)
class LogEntryAdmin(HistoryAdmin[LogEntry]):
    """Lists the actions of staff in the admin."""

    list_display = ["action_time", "user", "action_flag", "content_type", "object_repr", "message"]
    list_filter = ["action_time", "action_flag"]
    list_select_related = ["user", "content_type"]
    search_fields = ["user__email__startswith", "object_repr"]
    search_help_text = "The beginning of an e-mail, or a part of the thing's name."
    fields = ["action_time", "user", "action_flag", "content_type", "object_id", "object_repr", "message"]

    def message(self, entry: LogEntry) -> str:
        return entry.get_change_message()
