"""Migration operations for large tables in use: build indexes without blocking writers, and change rows in batches.

A migration with one of these operations needs `atomic = False`, and must have no other operation that has to be undone
together with it.
"""

from collections.abc import Sequence
from typing import Any

from django.apps.registry import Apps
from django.contrib.postgres.operations import AddIndexConcurrently, NotInTransactionMixin
from django.db import DatabaseError, connections, migrations, models, transaction
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

from core.fields import SearchTextField

BATCH = 500  # rows that are locked at a time


class AddIndexOnline(AddIndexConcurrently):
    """Adds an index; on PostgreSQL, this doesn't block writers. An interrupted migration can be repeated."""

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        if schema_editor.connection.vendor == "postgresql":
            _drop_invalid_index(schema_editor, self.index.name)
            super().database_forwards(app_label, schema_editor, from_state, to_state)
        else:
            migrations.AddIndex.database_forwards(self, app_label, schema_editor, from_state, to_state)

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        if schema_editor.connection.vendor == "postgresql":
            super().database_backwards(app_label, schema_editor, from_state, to_state)
        else:
            migrations.AddIndex.database_backwards(self, app_label, schema_editor, from_state, to_state)


class AddTrigramIndex(NotInTransactionMixin, Operation):
    """Adds a trigram index on `search_text`, if the database is PostgreSQL and has the extension pg_trgm."""

    reversible = True

    def __init__(self, model_name: str, name: str) -> None:
        self.model_name = model_name
        self.name = name

    def deconstruct(self) -> tuple[str, Sequence[Any], dict[str, Any]]:
        return type(self).__qualname__, [self.model_name, self.name], {}

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        pass

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        if schema_editor.connection.vendor != "postgresql":
            return
        self._ensure_not_in_transaction(schema_editor)
        table = to_state.apps.get_model(app_label, self.model_name)._meta.db_table
        try:
            schema_editor.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
        except DatabaseError as refusal:
            # Not every role may create extensions, and not every server has pg_trgm.
            print(f"\n    Search of {table} works without an index: {str(refusal).splitlines()[0]}", end="")  # noqa: T201  # for the operator
            return
        _drop_invalid_index(schema_editor, self.name)
        schema_editor.execute(
            f"CREATE INDEX CONCURRENTLY IF NOT EXISTS {schema_editor.quote_name(self.name)} "
            f"ON {schema_editor.quote_name(table)} USING gin (search_text gin_trgm_ops)"
        )

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        if schema_editor.connection.vendor == "postgresql":
            self._ensure_not_in_transaction(schema_editor)
            schema_editor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {schema_editor.quote_name(self.name)}")

    def describe(self) -> str:
        return f"Add trigram index {self.name} on the search text of {self.model_name}"


class FillSearchText(migrations.RunPython):
    """Fills the column `search_text` of existing rows, BATCH rows per transaction."""

    def __init__(self, app_label: str, model_name: str) -> None:
        def fill(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
            fill_search_text(apps.get_model(app_label, model_name), schema_editor.connection.alias)

        self.names = [app_label, model_name]
        super().__init__(fill, migrations.RunPython.noop)

    def deconstruct(self) -> tuple[str, Sequence[Any], dict[str, Any]]:
        return type(self).__qualname__, self.names, {}


class DropOnline(NotInTransactionMixin, migrations.RunSQL):
    """Removes a database object of an earlier release on PostgreSQL. The reverse migration doesn't restore it."""

    def __init__(self, sql: str) -> None:
        super().__init__(sql, migrations.RunSQL.noop)

    def deconstruct(self) -> tuple[str, Sequence[Any], dict[str, Any]]:
        return type(self).__qualname__, [self.sql], {}

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        if schema_editor.connection.vendor == "postgresql":
            self._ensure_not_in_transaction(schema_editor)
            super().database_forwards(app_label, schema_editor, from_state, to_state)


def fill_search_text(model: type[models.Model], alias: str) -> None:
    field = model._meta.get_field("search_text")
    assert isinstance(field, SearchTextField)
    assert model._meta.pk is not None
    table, key = (
        connections[alias].ops.quote_name(name) for name in (model._meta.db_table, str(model._meta.pk.column))
    )
    update = f"UPDATE {table} SET search_text = %s WHERE {key} = %s"  # noqa: S608  # names of our models
    rows = model._default_manager.using(alias).select_for_update().order_by("pk")
    after: Any = None
    while True:
        with transaction.atomic(using=alias):
            left = rows if after is None else rows.filter(pk__gt=after)
            batch = list(left.values_list("pk", *field.sources)[:BATCH])
            if not batch:
                return
            after = batch[-1][0]
            texts = [
                (field.text_of(values), model._meta.pk.get_db_prep_value(pk, connections[alias]))
                for pk, *values in batch
            ]
            with connections[alias].cursor() as cursor:
                cursor.executemany(update, [(text, pk) for text, pk in texts if text])


def _drop_invalid_index(schema_editor: BaseDatabaseSchemaEditor, name: str) -> None:
    """Drops an invalid index, which remains if its concurrent creation is interrupted."""
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_index WHERE indexrelid = to_regclass(%s) AND NOT indisvalid", [name])
        if cursor.fetchone() is None:
            return
    schema_editor.execute(f"DROP INDEX CONCURRENTLY {schema_editor.quote_name(name)}")
