"""Registers users, and signs them in and out on one device or on all."""

from contextlib import suppress
from datetime import timedelta
from importlib import import_module
from uuid import UUID

from django.conf import settings
from django.contrib.auth import authenticate, login
from django.db import IntegrityError, transaction
from django.db.models import F
from django.http import HttpRequest
from django.utils import timezone
from rest_framework_simplejwt.settings import api_settings
from rest_framework_simplejwt.tokens import RefreshToken

from accounts.fields import canonical_email
from accounts.models import SignIn, User
from accounts.models.user import EMAIL_TAKEN
from accounts.services.attempts import (
    PASSWORD_CHANGES,
    REGISTRATIONS,
    WRONG_OLD_PASSWORDS,
    count_login,
    count_wrong_password,
)
from accounts.services.email_verification import send_verification_link
from accounts.sessions import SIGN_IN_KEY
from accounts.tokens import issue_tokens
from core.errors import Invalid
from core.throttling import RateLimited, address_of


class EmailTaken(Invalid):
    field = "email"
    default_code = "unique"
    default_detail = EMAIL_TAKEN


class WrongPassword(Invalid):
    """The password is wrong, or the account is unknown or deactivated. The response doesn't reveal which."""

    default_code = "wrong_password"
    default_detail = "Wrong e-mail or password."


class WrongOldPassword(WrongPassword):
    field = "old_password"
    default_detail = "This is not your password."


def register(request: HttpRequest, *, email: str, password: str, display_name: str = "") -> User:
    REGISTRATIONS.hit(address_of(request))
    try:
        with transaction.atomic():
            user = User.objects.create_user(email, password, display_name=display_name)
    except IntegrityError:
        raise EmailTaken from None
    with suppress(RateLimited):  # the account page can send another link
        send_verification_link(request, user)
    return user


def authenticate_user(request: HttpRequest, *, email: str, password: str) -> User:
    """Returns the user with this e-mail and password. Raises `RateLimited` after too many wrong passwords."""
    email = canonical_email(email)  # all spellings count against the same limit
    count_login(request, email)
    user = authenticate(request, username=email, password=password)
    if not isinstance(user, User):
        count_wrong_password(request, email)
        raise WrongPassword
    return user


def confirm_password(user: User, password: str) -> None:
    """Raises `WrongOldPassword` if the password is wrong. Raises `RateLimited` after too many wrong ones, so that a
    stolen session can't be used to guess the password.
    """
    WRONG_OLD_PASSWORDS.check(user.pk)
    PASSWORD_CHANGES.hit(user.pk)
    if not user.check_password(password):
        WRONG_OLD_PASSWORDS.count(user.pk)
        raise WrongOldPassword


def start_session(request: HttpRequest, user: User) -> None:
    """Signs in on this device. Ends the browser's previous sign-in, which may belong to another account."""
    if before := request.session.get(SIGN_IN_KEY):
        sign_out(before)
    login(request, user)


def sign_in(request: HttpRequest, user: User) -> RefreshToken:
    """Signs in on this device, and returns tokens of the same sign-in as the new session."""
    start_session(request, user)
    return issue_tokens(user.sign_ins.get(pk=request.session[SIGN_IN_KEY]))


def set_password(user: User, password: str) -> None:
    """Sets the password, which ends all sessions, tokens and sockets of the user."""
    user.set_password(password)
    user.save(update_fields=["password"])


def sign_out(sign_in_id: str | UUID) -> None:
    """Ends one device's session, tokens and sockets."""
    SignIn.objects.filter(pk=sign_in_id).delete()


def sign_out_everywhere(user: User) -> None:
    """Ends all devices of the user, including a device that is signing in at the same time."""
    with transaction.atomic():
        User.objects.filter(pk=user.pk).update(auth_version=F("auth_version") + 1)
        user.refresh_from_db(fields=["auth_version"])
        user.sign_ins.all().delete()


def delete_ended_sign_ins() -> int:
    """Deletes expired sessions, and devices that have neither a session nor a valid token. Returns the number of
    devices.
    """
    now = timezone.now()
    import_module(settings.SESSION_ENGINE).SessionStore.clear_expired()
    longest = max(api_settings.REFRESH_TOKEN_LIFETIME, timedelta(seconds=settings.SESSION_COOKIE_AGE))
    deleted, _ = SignIn.objects.filter(used_at__lt=now - longest).delete()
    return deleted
