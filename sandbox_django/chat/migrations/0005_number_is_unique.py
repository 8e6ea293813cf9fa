from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

# On PostgreSQL without a long lock: the index is built concurrently, and a validated constraint proves NOT NULL, which
# otherwise needs a scan under an exclusive lock.
STEPS = [
    "ALTER TABLE chat_chatmessage ADD CONSTRAINT number_is_set CHECK (number IS NOT NULL) NOT VALID",
    "ALTER TABLE chat_chatmessage VALIDATE CONSTRAINT number_is_set",
    "ALTER TABLE chat_chatmessage ALTER COLUMN number SET NOT NULL",
    "ALTER TABLE chat_chatmessage DROP CONSTRAINT number_is_set",
    "DROP INDEX CONCURRENTLY IF EXISTS message_number_in_its_room",
    "CREATE UNIQUE INDEX CONCURRENTLY message_number_in_its_room ON chat_chatmessage (group_chat_id, number)",
    "ALTER TABLE chat_chatmessage ADD CONSTRAINT message_number_in_its_room "
    "UNIQUE USING INDEX message_number_in_its_room",
]
STEPS_BACK = [
    "ALTER TABLE chat_chatmessage DROP CONSTRAINT message_number_in_its_room",
    "ALTER TABLE chat_chatmessage ALTER COLUMN number DROP NOT NULL",
]

STATE = [
    migrations.AlterField(
        model_name="chatmessage",
        name="number",
        field=models.PositiveBigIntegerField(editable=False),
    ),
    migrations.AddConstraint(
        model_name="chatmessage",
        constraint=models.UniqueConstraint(fields=("group_chat", "number"), name="message_number_in_its_room"),
    ),
]


class ConcurrentlyOnPostgreSQL(migrations.SeparateDatabaseAndState):
    """Changes the migration state with Django's operations, and PostgreSQL with SQL of its own."""

    def database_forwards(self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state, to_state) -> None:  # type: ignore[no-untyped-def]  # Django's own state types
        if schema_editor.connection.vendor == "postgresql":
            for step in STEPS:
                schema_editor.execute(step)
            return
        super().database_forwards(app_label, schema_editor, from_state, to_state)

    def database_backwards(self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state, to_state) -> None:  # type: ignore[no-untyped-def]  # Django's own state types
        if schema_editor.connection.vendor == "postgresql":
            for step in STEPS_BACK:
                schema_editor.execute(step)
            return
        super().database_backwards(app_label, schema_editor, from_state, to_state)


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("chat", "0004_number_messages")]

    operations = [ConcurrentlyOnPostgreSQL(database_operations=STATE, state_operations=STATE)]
