"""Mails and checks the links that verify e-mail addresses. Unverified accounts have a smaller assistant quota."""

import asyncio
from datetime import timedelta

from django.conf import settings
from django.core import signing
from django.core.mail import send_mail
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from accounts.services.attempts import AttemptLimit
from core.throttling import address_of
from runtime import jobs

SALT = "accounts.email_verification"
LINK_AGE = timedelta(days=3)
MAILS = AttemptLimit("verification mails to one account", times=5, seconds=60 * 60)
MAILS_OF_ADDRESS = AttemptLimit("verification mails from one address", times=30, seconds=60 * 60)


def send_verification_link(request: HttpRequest, user: User) -> None:
    """Mails the link in the background. Raises `RateLimited` if the user or the client's address has sent too many."""
    MAILS_OF_ADDRESS.hit(address_of(request))
    MAILS.hit(user.pk)
    # The link contains the e-mail, so that it can't verify another e-mail that the account gets later.
    token = signing.dumps([user.pk, user.email], salt=SALT)
    context = {
        "user": user,
        "site_name": settings.SITE_NAME,
        "link": request.build_absolute_uri(reverse("verify_email", args=[token])),
        "days": LINK_AGE.days,
    }
    subject = f"Confirm your e-mail for {settings.SITE_NAME}"
    text = render_to_string("accounts/verification_email.txt", context)
    jobs.start(asyncio.to_thread, send_mail, subject, text, None, [user.email])


def user_of_link(token: str) -> User | None:
    """Returns the user who was mailed the link. Returns None if the link is invalid or has expired."""
    try:
        pk, email = signing.loads(token, salt=SALT, max_age=LINK_AGE)
    except signing.BadSignature:
        return None
    return User.objects.filter(pk=pk, email=email, is_active=True).first()


def mark_verified(user: User) -> None:
    """Records that the user has opened a link mailed to the account's address. Keeps the time of the first link."""
    User.objects.filter(pk=user.pk, email=user.email, email_verified_at=None).update(email_verified_at=timezone.now())
