from typing import Any

from django.db import migrations, models


def delete_events(apps: Any, schema_editor: Any) -> None:
    """Deletes earlier frames, which don't name the object whose text they contain and may show deleted text. Heads
    stay.

    A client that reconnects with an older position receives a resync.
    """
    apps.get_model("core", "FeedEvent").objects.all().delete()


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0004_rate_limit_count"),
    ]

    operations = [
        migrations.RunPython(delete_events, migrations.RunPython.noop),
        migrations.AddField(
            model_name="feedevent",
            name="named_user",
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="feedevent",
            name="object_key",
            field=models.CharField(max_length=64, null=True),
        ),
        migrations.AddField(
            model_name="feedevent",
            name="size",
            field=models.IntegerField(db_default=0),
        ),
        migrations.CreateModel(
            name="FeedFloor",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("head", models.BigIntegerField(default=0)),
            ],
        ),
    ]
