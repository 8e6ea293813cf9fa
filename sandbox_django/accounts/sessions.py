"""Whose session it is. It ends with its device, as tokens and sockets do."""

from datetime import timedelta
from uuid import UUID

from django.contrib.auth import HASH_SESSION_KEY
from django.contrib.auth import SESSION_KEY as PERSON_KEY
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from accounts.models import SignIn, User

SIGN_IN_KEY = "sign_in"  # where a session says which device it is
NOTE_USE_AFTER = timedelta(hours=1)  # "last used" is no surveillance, and no write for every request


def person_of_session(request: HttpRequest) -> User | AnonymousUser:
    """Django's `get_user`, which also asks whether the device is still signed in: one query for both."""
    session = request.session
    if SIGN_IN_KEY not in session or PERSON_KEY not in session:
        return AnonymousUser()
    sign_in = (
        SignIn.objects.filter(pk=session[SIGN_IN_KEY], user=session[PERSON_KEY], user__is_active=True)
        .select_related("user")
        .first()
    )
    if sign_in is None or not _is_of_now(session, sign_in.user):
        session.flush()
        return AnonymousUser()
    if sign_in.used_at < timezone.now() - NOTE_USE_AFTER:
        SignIn.objects.filter(pk=sign_in.pk).update(used_at=timezone.now())
    return sign_in.user


def device_of(request: HttpRequest) -> UUID:
    """The device from which a signed-in person asks."""
    return UUID(request.session[SIGN_IN_KEY])


def _is_of_now(session: SessionBase, user: User) -> bool:
    said = session.get(HASH_SESSION_KEY, "")
    true = [user.get_session_auth_hash(), *user.get_session_auth_fallback_hash()]
    return any(constant_time_compare(said, one) for one in true)
