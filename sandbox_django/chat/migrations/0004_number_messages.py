from django.apps.registry import Apps
from django.db import migrations, transaction
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models import OuterRef, Subquery
from django.db.models.functions import Coalesce

BATCH = 5000  # messages in a transaction

NUMBER = """
    UPDATE chat_chatmessage SET number = numbered.number FROM (
        SELECT id, %s + ROW_NUMBER() OVER (ORDER BY id) AS number FROM chat_chatmessage
        WHERE group_chat_id = %s AND number IS NULL ORDER BY id LIMIT %s
    ) AS numbered WHERE chat_chatmessage.id = numbered.id
"""


def number_messages(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    rooms, messages = apps.get_model("chat", "GroupChat"), apps.get_model("chat", "ChatMessage")
    members = apps.get_model("chat", "ChatMember")
    for room_id in rooms.objects.order_by("pk").values_list("pk", flat=True).iterator():
        numbered = messages.objects.filter(group_chat=room_id, number__isnull=False).order_by("-number")
        last = numbered.values_list("number", flat=True).first() or 0  # greater than 0 if the migration was interrupted
        while changed := _number_batch(schema_editor, last, room_id):
            last += changed
        read = numbered.filter(group_chat=OuterRef("group_chat"), pk__lte=OuterRef("last_read_message_id"))
        with transaction.atomic():
            rooms.objects.filter(pk=room_id).update(last_number=last)
            members.objects.filter(group_chat=room_id).update(
                last_read_number=Coalesce(Subquery(read.order_by("-pk").values("number")[:1]), 0)
            )


def _number_batch(schema_editor: BaseDatabaseSchemaEditor, last: int, room_id: int) -> int:
    with transaction.atomic(), schema_editor.connection.cursor() as cursor:
        cursor.execute(NUMBER, [last, room_id, BATCH])
        return int(cursor.rowcount)


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("chat", "0003_message_number")]

    operations = [migrations.RunPython(number_messages, migrations.RunPython.noop)]
