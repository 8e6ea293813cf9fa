"""Stores in a signed cookie which conversations a visitor's browser has created."""

from uuid import UUID

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponseBase
from rest_framework.request import Request

COOKIE = "conversations"
SALT = "assistants.browsers"
REMEMBERED = 50  # because a cookie has at most 4 kB; older conversations are still available by their link


def get_visitor_conversations(request: HttpRequest | Request) -> list[UUID]:
    """Returns the ids of this browser's conversations, newest first, without checking that they still exist."""
    try:
        known: list[str] = signing.loads(request.COOKIES[COOKIE], salt=SALT)
    except (KeyError, signing.BadSignature):
        return []
    return [UUID(hex=known_id) for known_id in known]


def remember_conversation(request: HttpRequest | Request, response: HttpResponseBase, conversation_id: UUID) -> None:
    known = [conversation_id, *get_visitor_conversations(request)]
    response.set_cookie(
        COOKIE,
        signing.dumps([known_id.hex for known_id in dict.fromkeys(known)][:REMEMBERED], salt=SALT, compress=True),
        max_age=settings.ASSISTANT_ANONYMOUS_DAYS * 24 * 60 * 60,
        httponly=True,
        samesite="Lax",
        secure=settings.SESSION_COOKIE_SECURE,
    )
