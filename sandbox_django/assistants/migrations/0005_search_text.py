import django.utils.timezone
from django.db import migrations

from core.fields import ActivityField, SearchTextField


class Migration(migrations.Migration):
    dependencies = [("assistants", "0004_address_budgets")]

    operations = [
        migrations.AddField("assistantconversation", "search_text", SearchTextField("title")),
        migrations.AlterField(
            "assistantconversation", "updated_at", ActivityField(default=django.utils.timezone.now, editable=False)
        ),
    ]
