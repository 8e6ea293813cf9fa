from typing import Any

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models import Q


class AddIndexBesideWriters(AddIndexConcurrently):
    """Adds an index, on PostgreSQL concurrently, so that writers don't wait."""

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        if schema_editor.connection.vendor == "postgresql":
            super().database_forwards(app_label, schema_editor, from_state, to_state)
        else:
            migrations.AddIndex.database_forwards(self, app_label, schema_editor, from_state, to_state)

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        if schema_editor.connection.vendor == "postgresql":
            super().database_backwards(app_label, schema_editor, from_state, to_state)
        else:
            migrations.AddIndex.database_backwards(self, app_label, schema_editor, from_state, to_state)


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("core", "0005_rewritable_log"),
    ]

    operations = [
        AddIndexBesideWriters(
            model_name="feedevent",
            index=models.Index(condition=Q(object_key__isnull=False), fields=["object_key"], name="feed_event_object"),
        ),
        AddIndexBesideWriters(
            model_name="feedevent",
            index=models.Index(
                condition=Q(named_user__isnull=False), fields=["named_user"], name="feed_event_named_user"
            ),
        ),
    ]
