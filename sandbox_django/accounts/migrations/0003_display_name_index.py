from django.db import migrations, models
from django.db.models.functions import Lower


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_browsers"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="user",
            index=models.Index(Lower("display_name"), name="user_display_name"),
        ),
    ]
