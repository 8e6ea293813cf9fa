from django.db import migrations, models

from core.migration_operations import AddIndexOnline, FillSearchText


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("assistants", "0005_search_text")]

    operations = [
        FillSearchText("assistants", "assistantconversation"),
        AddIndexOnline(
            "assistantconversation", models.Index(fields=["-updated_at", "-id"], name="conversations_by_activity")
        ),
    ]
