from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps


def keep_out_of_the_write_ahead_log(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """On PostgreSQL a commit of these rows alone then waits for no disk; after a crash the table is empty."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("ALTER TABLE core_ratelimitcount SET UNLOGGED")


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0003_periodic_jobs"),
    ]

    operations = [
        migrations.CreateModel(
            name="RateLimitCount",
            fields=[
                ("digest", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("count", models.PositiveIntegerField()),
                ("expires_at", models.FloatField(db_index=True)),
            ],
        ),
        migrations.RunPython(keep_out_of_the_write_ahead_log, migrations.RunPython.noop),
    ]
