from django.db import migrations, models


class Migration(migrations.Migration):
    """Renames the field `spender` to `quota_key`. Its columns keep their names, so the database isn't changed."""

    dependencies = [("assistants", "0006_conversation_indexes")]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.RemoveConstraint("tokenspending", "one_spending_a_day"),
                migrations.RenameField("assistantmessage", "spender", "quota_key"),
                migrations.AlterField(
                    "assistantmessage",
                    "quota_key",
                    models.CharField(blank=True, db_column="spender", max_length=100),
                ),
                migrations.RenameField("tokenspending", "spender", "quota_key"),
                migrations.AlterField(
                    "tokenspending",
                    "quota_key",
                    models.CharField(db_column="spender", max_length=100),
                ),
                migrations.AlterModelOptions("tokenspending", options={"ordering": ["-day", "quota_key"]}),
                migrations.AddConstraint(
                    "tokenspending",
                    models.UniqueConstraint(fields=["quota_key", "day"], name="one_spending_a_day"),
                ),
            ],
        )
    ]
