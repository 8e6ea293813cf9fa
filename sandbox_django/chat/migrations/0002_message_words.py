"""Empty: it created a search index that 0004 would remove again."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("chat", "0001_initial")]

    operations = []
