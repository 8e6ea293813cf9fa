"""Finds the user of a session. A session ends when its device is signed out, as tokens and sockets do."""

from datetime import timedelta
from uuid import UUID

from django.contrib.auth import HASH_SESSION_KEY
from django.contrib.auth import SESSION_KEY as USER_KEY
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from accounts.models import SignIn, User

SIGN_IN_KEY = "sign_in"  # the session key that stores the device's id
# A long interval, so that "last used" doesn't track users and not every request writes to the database.
USED_AT_INTERVAL = timedelta(hours=1)


def get_session_user(request: HttpRequest) -> User | AnonymousUser:
    """Returns the session's user, like Django's `get_user`, if the device is still signed in. Reads the user and the
    device in one query.
    """
    session = request.session
    if SIGN_IN_KEY not in session or USER_KEY not in session:
        return AnonymousUser()
    sign_in = (
        SignIn.objects.filter(pk=session[SIGN_IN_KEY], user=session[USER_KEY], user__is_active=True)
        .select_related("user")
        .first()
    )
    if sign_in is None or not _is_current(session, sign_in.user):
        session.flush()
        return AnonymousUser()
    if sign_in.used_at < timezone.now() - USED_AT_INTERVAL:
        SignIn.objects.filter(pk=sign_in.pk).update(used_at=timezone.now())
    return sign_in.user


def device_of(request: HttpRequest) -> UUID:
    """Returns the signed-in device that sent the request."""
    return UUID(request.session[SIGN_IN_KEY])


def _is_current(session: SessionBase, user: User) -> bool:
    session_hash = session.get(HASH_SESSION_KEY, "")
    valid_hashes = [user.get_session_auth_hash(), *user.get_session_auth_fallback_hash()]
    return any(constant_time_compare(session_hash, valid_hash) for valid_hash in valid_hashes)
