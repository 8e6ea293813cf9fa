"""Builds the text streams of answers: for their writers, for late pages, and for sockets that missed chunks."""

from collections.abc import Sequence
from functools import partial
from uuid import UUID

from assistants.groups import conversation_feed, reply_key
from assistants.messages.assistant import StreamingMessage
from assistants.models import AssistantConversation, AssistantMessage
from assistants.models.assistant_message import Status
from live.text_chunk import LatestStream, TextChunk
from live.text_stream import Checkpoint, TextStream, stream
from runtime.threads import in_database_thread


def answer_stream(
    answer_id: int, *, question_id: int, conversation_id: UUID, after_seq: int, checkpoint: Checkpoint | None = None
) -> TextStream:
    return stream(
        conversation_feed(conversation_id),
        answer_id,
        after=after_seq,
        frame=partial(StreamingMessage.frame, message_id=question_id, reply_id=answer_id),
        checkpoint=checkpoint,
        key=reply_key(answer_id),
    )


def latest_answer_stream(conversation: AssistantConversation) -> LatestStream | None:
    newest = AssistantMessage.objects.newest_answer(conversation.pk)
    return LatestStream(newest[0], is_running=newest[1] == Status.STREAMING) if newest else None


def stored_answer_texts(answer_ids: Sequence[int]) -> Sequence[TextChunk]:
    """Returns the text of each ended answer as one chunk."""
    answers = AssistantMessage.objects.answers().filter(pk__in=answer_ids)
    return [stream_of(answer).whole(answer.content) for answer in answers]


async def running_answer_text(answer_id: int) -> TextChunk | None:
    """Returns the text so far of a running answer; None if the answer isn't running."""
    answer = await in_database_thread(AssistantMessage.objects.streaming().filter(pk=answer_id).first)
    if answer is None:
        return None
    text = stream_of(answer)
    return text.whole(max(answer.content, await text.so_far(), key=len))


def stream_of(answer: AssistantMessage) -> TextStream:
    """Returns the stream of a stored answer, to read or to end it."""
    assert answer.question_id is not None
    return answer_stream(
        answer.pk,
        question_id=answer.question_id,
        conversation_id=answer.conversation_id,
        after_seq=answer.after_seq,
    )
