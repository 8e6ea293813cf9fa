"""Empty: it added a search vector to topics that 0004 would remove again."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("discussion", "0001_initial")]

    operations = []
