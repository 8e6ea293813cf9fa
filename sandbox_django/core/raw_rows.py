"""Stores and finds single rows without the ORM, which takes longer to compile a query than the database to run it.

It is used for the few queries that almost every request makes, such as for a message, a conversation or the user.
"""

import functools
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, TypeVar

from django.db import DEFAULT_DB_ALIAS, connections, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.expressions import Col
from django.http import Http404

LARGEST_NUMBER = 2**63 - 1

ModelType = TypeVar("ModelType", bound=models.Model)


def insert(row: ModelType) -> ModelType:
    """Stores a new row like `save()`, but without signals; returns the row with its primary key."""
    sql, fields = _insertion(type(row))
    database = _database()
    with database.cursor() as cursor:
        cursor.execute(sql, [field.get_db_prep_save(field.pre_save(row, add=True), database) for field in fields])
        (row.pk,) = cursor.fetchone()
    row._state.adding = False
    row._state.db = database.alias
    return row


def find(model: type[ModelType], **equal: Any) -> ModelType | None:
    """Returns the row whose attributes (such as `user_id`) have these values; None if there is none."""
    if any(isinstance(value, int) and abs(value) > LARGEST_NUMBER for value in equal.values()):
        return None  # the value can't be in any column, and some databases would raise an error
    where, fields = _condition(model, tuple(equal), tuple(name for name, value in equal.items() if value is None))
    database = _database()
    return find_where(
        model,
        where,
        [
            field.get_db_prep_value(value, database)
            for field, value in zip(fields, equal.values(), strict=True)
            if value is not None
        ],
    )


def find_or_404(model: type[ModelType], **equal: Any) -> ModelType:
    """Returns the row whose attributes have these values; raises `Http404` if there is none."""
    row = find(model, **equal)
    if row is None:
        raise Http404
    return row


def find_where(model: type[ModelType], rest: str, values: Sequence[Any]) -> ModelType | None:
    """Returns the first row of a SELECT of the model's columns, or None. `rest` follows the table in the statement."""
    lookup = _lookup(model, rest)
    database = _database()
    with database.cursor() as cursor:
        cursor.execute(lookup.sql, values)
        row = cursor.fetchone()
    if row is None:
        return None
    found = list(row)
    for place, converter, expression in lookup.converters:
        found[place] = converter(found[place], expression, database)
    return model.from_db(database.alias, lookup.attributes, found)


def _database() -> BaseDatabaseWrapper:
    # Django's `connection` is a proxy that looks the connection up at each access, which here would be for every field.
    return connections[DEFAULT_DB_ALIAS]


@functools.cache
def _insertion(model: type[models.Model]) -> tuple[str, Sequence["models.Field[Any, Any]"]]:
    fields = [field for field in model._meta.concrete_fields if not field.primary_key]
    places = ", ".join(["%s"] * len(fields))
    return (
        f"INSERT INTO {_quoted(model._meta.db_table)} ({_columns(fields)}) "  # noqa: S608  # names of our models
        f"VALUES ({places}) RETURNING {_columns([model._meta.pk])}",
        fields,
    )


@functools.cache
def _condition(
    model: type[models.Model], names: tuple[str, ...], empty: tuple[str, ...]
) -> tuple[str, Sequence["models.Field[Any, Any]"]]:
    by_attribute = {field.attname: field for field in model._meta.concrete_fields}
    tests = (f"{_columns([by_attribute[name]])} {'IS NULL' if name in empty else '= %s'}" for name in names)
    return f"WHERE {' AND '.join(tests)}", [by_attribute[name] for name in names]


class _Lookup(NamedTuple):
    sql: str
    attributes: Sequence[str]
    converters: Sequence[tuple[int, Callable[..., Any], Col]]


@functools.cache
def _lookup(model: type[models.Model], rest: str) -> _Lookup:
    fields, table, database = model._meta.concrete_fields, model._meta.db_table, _database()
    converters = [
        (place, converter, column)
        for place, column in enumerate(Col(table, field) for field in fields)
        for converter in [*database.ops.get_db_converters(column), *column.get_db_converters(database)]
    ]
    columns = ", ".join(f"{_quoted(table)}.{_columns([field])}" for field in fields)
    return _Lookup(
        f"SELECT {columns} FROM {_quoted(table)} {rest}",  # noqa: S608  # names of our models and SQL of our code
        [field.attname for field in fields],
        converters,
    )


def _columns(fields: Iterable["models.Field[Any, Any]"]) -> str:
    return ", ".join(_quoted(str(field.column)) for field in fields)


def _quoted(name: str) -> str:
    return _database().ops.quote_name(name)
