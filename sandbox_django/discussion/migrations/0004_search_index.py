from django.db import migrations

from core.migration_operations import AddTrigramIndex, DropOnline, FillSearchText


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("discussion", "0003_search_text")]

    operations = [
        FillSearchText("discussion", "discussiontopic"),
        AddTrigramIndex("discussiontopic", "topic_trigrams"),
        DropOnline("DROP INDEX CONCURRENTLY IF EXISTS topic_title_trigrams"),
        DropOnline("DROP INDEX CONCURRENTLY IF EXISTS topic_search_vector"),
        DropOnline("ALTER TABLE discussion_discussiontopic DROP COLUMN IF EXISTS search_vector"),
    ]
