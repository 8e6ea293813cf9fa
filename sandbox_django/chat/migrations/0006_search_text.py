import django.utils.timezone
from django.db import migrations

from core.fields import ActivityField, SearchTextField


class Migration(migrations.Migration):
    dependencies = [("chat", "0005_number_is_unique")]

    operations = [
        migrations.AddField("chatmessage", "search_text", SearchTextField("content")),
        migrations.AddField("groupchat", "search_text", SearchTextField("title")),
        migrations.AlterField("groupchat", "updated_at", ActivityField(default=django.utils.timezone.now)),
    ]
