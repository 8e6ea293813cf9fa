from django.db import migrations

from core.migration_operations import AddTrigramIndex, DropOnline, FillSearchText


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("chat", "0006_search_text")]

    operations = [
        FillSearchText("chat", "groupchat"),
        FillSearchText("chat", "chatmessage"),
        AddTrigramIndex("chatmessage", "chat_message_trigrams"),
        DropOnline("DROP INDEX CONCURRENTLY IF EXISTS chat_message_words"),
    ]
