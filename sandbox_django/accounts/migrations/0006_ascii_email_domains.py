from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from accounts.fields import canonical_email


def store_ascii_domains(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Stores e-mails as lookups expect them. An account whose other spelling is taken keeps its row, for the admin."""
    users = apps.get_model("accounts", "User")._default_manager.using(schema_editor.connection.alias)
    for pk, email in users.filter(email__regex="[^!-~]").values_list("pk", "email"):
        stored = canonical_email(email)
        if stored != email and not users.filter(email=stored).exists():
            users.filter(pk=pk).update(email=stored)


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0005_email_verified_at"),
    ]

    operations = [
        migrations.RunPython(store_ascii_domains, migrations.RunPython.noop),
    ]
