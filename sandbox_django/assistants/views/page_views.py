"""The assistant's pages. They are read-only; all changes go through the API."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.http import content_disposition_header
from django.utils.text import slugify
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from assistants.groups import conversation_feed
from assistants.models import AssistantConversation, AssistantMessage
from assistants.models.assistant_message import MessageType, Status
from assistants.services.ai_service import demo_model_answers
from assistants.services.export import as_markdown
from assistants.visitor_conversations import get_visitor_conversations
from core.search_text import SearchQuery
from live import feeds

SHOWN_MESSAGES = 50
SHOWN_CONVERSATIONS = 100
FILE_NAME_LENGTH = 60  # characters of up to 4 bytes, since file systems allow names of 255 bytes

EXAMPLES = [
    "Explain WebSockets to a web designer",
    "Write a Python function that finds duplicate files",
    "Compare SQLite and PostgreSQL in a table",
]


@dataclass
class Exchange:
    """A question with its answers, the newest last."""

    question: AssistantMessage | None = None  # None if it is on an earlier page than its answer
    answers: list[AssistantMessage] = field(default_factory=list)

    @property
    def question_id(self) -> int | None:
        return self.question.pk if self.question else self.answers[0].question_id


@require_safe
@never_cache
def start(request: HttpRequest) -> HttpResponse:
    """Renders the start page, with an empty question and the user's conversations."""
    route = "assistant-conversations-list" if request.user.is_authenticated else "create-anonymous-conversation"
    context = {
        "examples": EXAMPLES,
        "conversations_url": reverse(route),
        "models": settings.ASSISTANT_MODELS,
        "demo": demo_model_answers(),
        "anonymous_days": settings.ASSISTANT_ANONYMOUS_DAYS,
    }
    return render(request, "assistants/start.html", context | conversation_list(request))


@require_safe
@never_cache
def conversation(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Renders the page of a conversation."""
    # The head is read before the rows, including the title, so that the socket delivers every event in between. If the
    # page already shows such an event, its script doesn't draw it again.
    since = feeds.head(conversation_feed(pk))
    opened = get_object_or_404(open_to(request), pk=pk)
    newest = list(opened.messages.order_by("-pk")[: SHOWN_MESSAGES + 1])
    shown = newest[:SHOWN_MESSAGES][::-1]
    context = {
        "conversation": opened,
        "exchanges": exchanges_of(shown),
        "has_earlier": len(newest) > SHOWN_MESSAGES,
        "is_answering": any(message.status == Status.STREAMING for message in shown),
        "since": since,
        "socket_url": f"/ws/assistants/{opened.pk}/",
        "messages_url": messages_url(opened),
        "page_url": request.build_absolute_uri(),
        "demo": demo_model_answers(),
        "blank": Exchange(
            AssistantMessage(message_type=MessageType.USER),
            [AssistantMessage(message_type=MessageType.ASSISTANT, status=Status.STREAMING)],
        ),
    }
    return render(request, "assistants/conversation.html", context | conversation_list(request, opened))


@require_safe
@never_cache
def export(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Returns a conversation as a Markdown file."""
    opened = get_object_or_404(open_to(request), pk=pk)
    response = HttpResponse(as_markdown(opened), content_type="text/markdown; charset=utf-8")
    name = slugify(opened.title, allow_unicode=True)[:FILE_NAME_LENGTH].strip("-") or "conversation"
    response["Content-Disposition"] = content_disposition_header(True, f"{name}.md") or "attachment"
    return response


def open_to(request: HttpRequest) -> Any:
    everybodys = AssistantConversation.objects.without_owner()
    return (
        everybodys | AssistantConversation.objects.owned_by(request.user)
        if request.user.is_authenticated
        else everybodys
    )


def exchanges_of(messages: Iterable[AssistantMessage]) -> list[Exchange]:
    exchanges: dict[int, Exchange] = {}
    for message in messages:
        exchange = exchanges.setdefault(message.question_id or message.pk, Exchange())
        if message.is_answer:
            exchange.answers.append(message)
        else:
            exchange.question = message
    return list(exchanges.values())


def messages_url(opened: AssistantConversation) -> str:
    route = "anonymous-messages-list" if opened.is_anonymous else "conversation-messages-list"
    return reverse(route, args=[opened.pk])


def conversation_list(request: HttpRequest, opened: AssistantConversation | None = None) -> dict[str, Any]:
    """Returns the template context with the conversations of the user, or of the visitor's browser."""
    if request.user.is_authenticated:
        mine = AssistantConversation.objects.owned_by(request.user)
    elif known := get_visitor_conversations(request):
        mine = AssistantConversation.objects.without_owner().filter(pk__in=known)
    else:
        return {}
    search = request.GET.get("search", "").strip()
    conversations = list(SearchQuery.parse(search).filter(mine)[:SHOWN_CONVERSATIONS])
    if opened and opened.user_id is not None and opened not in conversations:
        conversations.append(opened)  # an older conversation, which can be renamed and deleted in the list
    has_list = request.user.is_authenticated or bool(conversations) or bool(search)
    return {"has_list": has_list, "conversations": conversations, "search": search}
