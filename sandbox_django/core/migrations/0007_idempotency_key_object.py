import json
from typing import Any

from django.db import migrations


def keep_ids_only(apps: Any, schema_editor: Any) -> None:
    """Replaces stored responses, which contain text, by the id of the created object."""
    for key in apps.get_model("core", "IdempotencyKey").objects.exclude(answer="").iterator():
        answer = json.loads(key.answer)
        key.answer = str(answer["id"] if isinstance(answer, dict) else answer)
        key.save(update_fields=["answer"])


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0006_rewritable_log_indexes"),
    ]

    operations = [
        migrations.RunPython(keep_ids_only, migrations.RunPython.noop),
    ]
