"""Exports a conversation as Markdown."""

from assistants.models import AssistantConversation, AssistantMessage
from assistants.models.assistant_message import Status
from assistants.services.error_messages import error_message


def as_markdown(conversation: AssistantConversation) -> str:
    """Returns each question with its newest answer, as Markdown."""
    parts = [f"# {' '.join(str(conversation).split())}"]
    newest: dict[int | None, AssistantMessage] = {}
    questions = []
    for message in conversation.messages.order_by("pk"):
        if message.is_answer:
            newest[message.question_id] = message
        else:
            questions.append(message)
    for question in questions:
        parts += ["## Question", question.content]
        if answer := newest.get(question.pk):
            parts += ["## Answer", *filter(None, [answer.content.strip("\n"), _how_it_ended(answer)])]
    return "\n\n".join(parts) + "\n"


def _how_it_ended(answer: AssistantMessage) -> str:
    match answer.status:
        case Status.FAILED:
            return f"*{error_message(answer.error)}*"
        case Status.STOPPED:
            return "*This answer was stopped.*"
        case Status.STREAMING:
            return "*This answer was still being written.*"
        case _:
            return ""
