"""Services for conversations and their messages, which views call."""

from collections.abc import Callable, Collection
from functools import partial
from uuid import UUID

from django.db import transaction

from accounts.models import User
from assistants.groups import WRITERS, conversation_feed, conversation_key
from assistants.messages.assistant import ConversationClaimed, ConversationUpdated, NewAssistantMessage
from assistants.models import AssistantConversation, AssistantMessage
from assistants.models.assistant_message import MessageType
from assistants.services.answers import StartedAnswer, active_answer, start_answer
from assistants.services.cleanup import delete_conversations
from assistants.services.quotas import QuotaHolder
from assistants.tasks.assistant_tasks import (
    task_end_abandoned_answers,
    task_handle_new_assistant_message,
    task_write_answer,
)
from core import queue
from core.errors import Conflict
from core.raw_rows import insert
from live import feeds, hub
from runtime import jobs


class AnswerInProgress(Conflict):
    default_code = "answer_in_progress"
    default_detail = "Wait for the answer to finish, or stop it."


class NothingToRetry(Conflict):
    default_code = "nothing_to_retry"
    default_detail = "Only the newest question can be answered again."


def start_conversation(user: User | None, *, title: str = "", model: str = "") -> AssistantConversation:
    """Creates an empty conversation. If `user` is None, everyone who has its id may use it."""
    return AssistantConversation.objects.create(user=user, title=title, model=model)


def change_conversation(conversation: AssistantConversation, **fields: str) -> None:
    """Changes the `title` or `model` of a conversation, and publishes the change."""
    with feeds.write(conversation_feed(conversation.pk)) as feed:
        for name, value in fields.items():
            setattr(conversation, name, value)
        conversation.save(update_fields=list(fields))
        feeds.rewrite(conversation_key(conversation.pk), {"title": conversation.title})
        feed.publish(ConversationUpdated.of(conversation))


def delete_conversation(conversation: AssistantConversation) -> None:
    """Deletes a conversation with its messages, and closes its open pages."""
    delete_conversations([conversation.pk])


def claim_conversations(user: User, conversation_ids: Collection[UUID]) -> int:
    """Makes a user who signed in the owner of conversations without an owner; returns the number of these.

    Sockets of other clients for these conversations are closed.
    """
    ownerless = AssistantConversation.objects.without_owner().filter(pk__in=conversation_ids)
    claimed = list(ownerless.values_list("pk", flat=True))
    if not claimed:
        return 0
    with feeds.write_all([conversation_feed(pk) for pk in claimed]) as locked:
        ours = set(ownerless.values_list("pk", flat=True))  # another user may have claimed some of them
        AssistantConversation.objects.filter(pk__in=ours).update(user=user)
        for pk, feed in zip(claimed, locked, strict=True):
            if pk in ours:
                # This is an event in the log, so that every socket handles it, and closes, before any later event.
                feed.publish(ConversationClaimed.of(pk, user_id=user.pk))
    for pk in ours:
        transaction.on_commit(partial(jobs.start, hub.reauthorize, conversation_feed(pk)))
    return len(ours)


def post_message(
    conversation: AssistantConversation, *, content: str, quota_holder: QuotaHolder | None = None
) -> AssistantMessage:
    """Stores the user's question and starts the assistant's answer; returns the question.

    Raises `AnswerInProgress` if an answer is running, and `RateLimited` if `quota_holder` has reached a limit.
    """
    with feeds.write(conversation_feed(conversation.pk)) as feed:
        _activate(conversation)
        question = insert(AssistantMessage(conversation=conversation, message_type=MessageType.USER, content=content))
        seq = feed.publish(NewAssistantMessage.of(question))
        job = _job_for(start_answer(question, after_seq=seq, quota_holder=quota_holder))
    # Registered after the feed's on_commit callback, so that the question is sent before the first chunk.
    transaction.on_commit(job)
    return question


def answer_again(message: AssistantMessage, *, quota_holder: QuotaHolder | None = None) -> AssistantMessage:
    """Retries or regenerates: adds an attempt at this question, or at the question of this answer; returns the
    attempt.
    """
    question = message.question or message
    conversation = question.conversation
    with feeds.write(conversation_feed(conversation.pk)) as feed:
        _activate(conversation)
        if conversation.messages.filter(message_type=MessageType.USER, pk__gt=question.pk).exists():
            raise NothingToRetry
        started = start_answer(question, after_seq=feed.head, quota_holder=quota_holder)
        job = _job_for(started)
    transaction.on_commit(job)
    return started.row


def stop_answer(message: AssistantMessage) -> AssistantMessage:
    """Stops an answer, or the newest answer of a question, and keeps its text so far; returns the answer."""
    answer = message if message.is_answer else message.answers.order_by("-pk").first() or message
    if AssistantMessage.objects.streaming().filter(pk=answer.pk).update(stop_requested=True):
        if AssistantMessage.objects.abandoned().filter(pk=answer.pk).exists():
            jobs.start(task_end_abandoned_answers)
        else:
            jobs.start(hub.call, WRITERS, {"stop": answer.pk})
    return answer


def _activate(conversation: AssistantConversation) -> None:
    """Moves the conversation to the top of the list; raises `AnswerInProgress` if an answer is running."""
    # The feed's head is locked, so no other answer can begin at the same time. A database constraint also prevents it.
    if not AssistantConversation.objects.activate_if_idle(conversation.pk):
        raise AnswerInProgress


def _job_for(started: StartedAnswer) -> Callable[[], None]:
    """Returns the function that starts this answer after the commit."""
    answer = started.row
    if answer.worker:
        # This process writes the answer, so the input is prepared here. Claiming the answer later would take another
        # transaction and thread hand-off.
        return partial(jobs.start, task_write_answer, active_answer(answer, started.history))
    return partial(queue.put, task_handle_new_assistant_message, answer.question_id)
