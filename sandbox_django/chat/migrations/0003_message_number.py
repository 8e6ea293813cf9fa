from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("chat", "0002_message_words")]

    operations = [
        migrations.AddField(
            model_name="groupchat",
            name="last_number",
            field=models.PositiveBigIntegerField(default=0, editable=False),
        ),
        migrations.AddField(
            model_name="groupchat",
            name="membership_version",
            field=models.PositiveBigIntegerField(default=0, editable=False),
        ),
        migrations.AddField(
            model_name="chatmember",
            name="last_read_number",
            field=models.PositiveBigIntegerField(default=0, editable=False, verbose_name="last read"),
        ),
        migrations.AddField(
            model_name="chatmessage",
            name="number",
            field=models.PositiveBigIntegerField(editable=False, null=True),
        ),
    ]
