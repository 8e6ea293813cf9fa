from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps


def keep_out_of_the_write_ahead_log(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Makes the table UNLOGGED on PostgreSQL, so that commits needn't wait for the disk; a crash empties the table."""
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
