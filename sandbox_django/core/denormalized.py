"""Checks and repairs denormalized counters, which are stored in rows so that reading needs no counting.

An app with counters has a `denormalized.py` with `COUNTERS`. `manage.py reconcile` compares all counters with the rows
that they count, and repairs wrong counters.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from django.apps import apps
from django.db import transaction
from django.db.models import F, Model, QuerySet
from django.utils.module_loading import module_has_submodule


@dataclass(frozen=True)
class DenormalizedCounter:
    """A counter in the column `field` of `rows`, which are annotated with the counter's correct value as `expected`.

    Code that changes the counter must lock its row, or add to it (`F(field) + 1`), in the transaction that changes the
    counted rows. Only then can the counter be repaired while the site runs.
    """

    rows: QuerySet[Any]
    field: str

    @property
    def model(self) -> type[Model]:
        return self.rows.model

    def differences(self) -> Iterator["Difference"]:
        wrong = self.rows.exclude(expected=F(self.field)).order_by("pk")
        for pk, stored, expected in wrong.values_list("pk", self.field, "expected").iterator():
            yield Difference(self, pk, stored, expected)


@dataclass(frozen=True)
class Difference:
    """A row whose counter has a wrong value."""

    counter: DenormalizedCounter
    pk: Any
    stored: Any
    expected: Any

    def __str__(self) -> str:
        return f"{self.counter.model._meta.label} {self.pk}: {self.counter.field} is {self.stored}, not {self.expected}"

    def repair(self) -> None:
        """Locks the row and stores the correct count, so that concurrent changes can't interfere."""
        with transaction.atomic():
            row = self.counter.model._default_manager.select_for_update(no_key=True).filter(pk=self.pk)
            if not row.values_list("pk", flat=True):
                return
            expected = self.counter.rows.filter(pk=self.pk).values_list("expected", flat=True).get()
            row.update(**{self.counter.field: expected})


def all_counters() -> Iterable[DenormalizedCounter]:
    for app in apps.get_app_configs():
        if module_has_submodule(app.module, "denormalized") and app.name != "core":
            yield from import_module(f"{app.name}.denormalized").COUNTERS
