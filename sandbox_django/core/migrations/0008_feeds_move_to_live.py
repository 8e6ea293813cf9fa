from typing import Any

from django.db import migrations

TABLES = ("feed", "feedevent", "feedfloor")


def create_views(apps: Any, schema_editor: Any) -> None:
    """Creates views of the old names on PostgreSQL, for processes of the previous release until they are replaced."""
    if schema_editor.connection.vendor == "postgresql":
        for table in TABLES:
            schema_editor.execute(f"CREATE VIEW core_{table} AS SELECT * FROM live_{table}")  # noqa: S608  # names of our tables


def drop_views(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "postgresql":
        for table in TABLES:
            schema_editor.execute(f"DROP VIEW IF EXISTS core_{table}")


def change_app(before: str, after: str) -> Any:
    def change(apps: Any, schema_editor: Any) -> None:
        """Renames content types, so that permissions and the admin's history still refer to them."""
        types = apps.get_model("contenttypes", "ContentType").objects.using(schema_editor.connection.alias)
        types.filter(app_label=before, model__in=TABLES).update(app_label=after)

    return change


class Migration(migrations.Migration):
    """Renames the tables of feeds for the app `live`, whose first migration then finds them."""

    dependencies = [
        ("contenttypes", "0002_remove_content_type_name"),
        ("core", "0007_idempotency_key_object"),
    ]
    run_before = [
        ("live", "0001_initial"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.AlterModelTable(table, f"live_{table}") for table in TABLES],
            state_operations=[
                migrations.DeleteModel("FeedEvent"),
                migrations.DeleteModel("Feed"),
                migrations.DeleteModel("FeedFloor"),
            ],
        ),
        migrations.RunPython(create_views, drop_views),
        migrations.RunPython(change_app("core", "live"), change_app("live", "core")),
    ]
