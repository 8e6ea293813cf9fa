from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

# By hand, since Django's own GinIndex can't be left out where the database is SQLite. The expression is the one that
# `SearchVector("content", config="simple")` makes.
CREATE = """
    CREATE INDEX chat_message_words ON chat_chatmessage
    USING gin (to_tsvector('simple'::regconfig, COALESCE(content, '')))
"""


def create(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(CREATE)


def drop(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP INDEX chat_message_words")


class Migration(migrations.Migration):
    dependencies = [("chat", "0001_initial")]

    operations = [migrations.RunPython(create, drop)]
