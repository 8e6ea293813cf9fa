"""Once added a search vector to topics, which 0004 removes. Nothing is built only to be removed."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("discussion", "0001_initial")]

    operations = []
