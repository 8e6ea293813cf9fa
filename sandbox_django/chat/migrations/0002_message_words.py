"""Once built an index over the words of messages, which 0004 removes. Nothing is built only to be removed."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("chat", "0001_initial")]

    operations = []
