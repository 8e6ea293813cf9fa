import django.utils.timezone
from django.db import migrations

from core.fields import ActivityField, SearchTextField


class Migration(migrations.Migration):
    dependencies = [("discussion", "0002_search")]

    operations = [
        migrations.AddField("discussiontopic", "search_text", SearchTextField("title", "content")),
        migrations.AlterField("discussiontopic", "last_activity_at", ActivityField(default=django.utils.timezone.now)),
    ]
