"""The texts of answers, for pages that open late and sockets that missed some."""

from collections.abc import Awaitable, Callable, Sequence

from django.db import connection

from assistants.messages.assistant import StreamingMessage
from assistants.models import AssistantConversation, AssistantMessage
from assistants.models.assistant_message import Status
from assistants.services.reply_buffer import reply_buffer
from live.layers import LAYER_DOWN, live_layer
from live.text_chunk import LatestStream, TextChunk
from runtime.threads import in_database_thread


def latest_answer_stream(conversation: AssistantConversation) -> LatestStream | None:
    # By hand: each socket asks when it is opened, and the ORM took four times as long.
    pk = AssistantConversation._meta.pk.get_db_prep_value(conversation.pk, connection)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, status FROM assistants_assistantmessage "
            "WHERE conversation_id = %s AND message_type = 'assistant' ORDER BY id DESC LIMIT 1",
            [pk],
        )
        newest = cursor.fetchone()
    return LatestStream(newest[0], is_running=newest[1] == Status.STREAMING) if newest else None


def stored_answer_texts(answer_ids: Sequence[int]) -> Sequence[TextChunk]:
    """The texts of ended answers, each as one piece."""
    answers = AssistantMessage.objects.answers().filter(pk__in=answer_ids)
    return [_full_chunk(answer, answer.content) for answer in answers]


async def running_answer_text(answer_id: int) -> TextChunk | None:
    """The text of an answer that is being written, from its start to now; None when it isn't."""
    answer = await in_database_thread(AssistantMessage.objects.streaming().filter(pk=answer_id).first)
    if answer is None:
        return None
    return _full_chunk(answer, max(answer.content, await buffered_text(answer_id), key=len))


def _full_chunk(answer: AssistantMessage, text: str) -> TextChunk:
    assert answer.question_id is not None
    frame = StreamingMessage.frame(text, message_id=answer.question_id, reply_id=answer.pk, offset=0)
    return TextChunk(answer.pk, answer.after_seq, 0, len(text), frame)


async def buffered_text(answer_id: int) -> str:
    """What the buffer has of an answer; empty when it has nothing, or can't be asked."""
    return await _call_buffer(answer_id, reply_buffer().read)


async def sealed_text(answer_id: int) -> str:
    """The same, and the buffer takes nothing more of this answer."""
    return await _call_buffer(answer_id, reply_buffer().seal)


async def _call_buffer(answer_id: int, call: Callable[[int], Awaitable[str | None]]) -> str:
    try:
        return await call(answer_id) or ""
    except LAYER_DOWN as failure:
        live_layer().outage.failed(failure)
        return ""
