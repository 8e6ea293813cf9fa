"""On PostgreSQL: a search vector that the database keeps itself, and trigrams of titles where it may have pg_trgm."""

from typing import Any

from django.db import DatabaseError, migrations, transaction

VECTOR = """
    ALTER TABLE discussion_discussiontopic ADD COLUMN search_vector tsvector GENERATED ALWAYS AS (
        setweight(to_tsvector('english', title), 'A') || setweight(to_tsvector('english', content), 'C')
    ) STORED
"""
VECTOR_INDEX = "CREATE INDEX topic_search_vector ON discussion_discussiontopic USING gin (search_vector)"
EXTENSION = "CREATE EXTENSION IF NOT EXISTS pg_trgm"
TRIGRAM_INDEX = "CREATE INDEX topic_title_trigrams ON discussion_discussiontopic USING gin (title gin_trgm_ops)"


def add_search(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor != "postgresql":
        return
    schema_editor.execute(VECTOR)
    schema_editor.execute(VECTOR_INDEX)
    try:
        with transaction.atomic(using=schema_editor.connection.alias):
            schema_editor.execute(EXTENSION)
            schema_editor.execute(TRIGRAM_INDEX)
    except DatabaseError as refusal:
        # Not every role may create extensions, and not every server has this one. Search then takes words as they are.
        print(f"\n    Titles are searched without tolerance for typos: {str(refusal).splitlines()[0]}", end="")  # noqa: T201  # to whoever migrates


def remove_search(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor != "postgresql":
        return
    schema_editor.execute("DROP INDEX IF EXISTS topic_title_trigrams")
    schema_editor.execute("ALTER TABLE discussion_discussiontopic DROP COLUMN search_vector")


class Migration(migrations.Migration):
    dependencies = [("discussion", "0001_initial")]

    operations = [migrations.RunPython(add_search, remove_search)]
