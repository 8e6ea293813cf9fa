"""Receivers that create and end a device's sign-in. Pages, the API and the admin all send Django's signals."""

from functools import partial

from django.contrib.admin.models import LogEntry
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.db import transaction
from django.db.models import ProtectedError
from django.db.models.signals import post_delete, post_save, pre_delete
from django.dispatch import receiver
from django.http import HttpRequest

from accounts.models import SignIn, User
from accounts.services.sign_ins import sign_out, sign_out_everywhere
from accounts.sessions import SIGN_IN_KEY
from accounts.user_agents import browser_name
from live import hub
from runtime import jobs


@receiver(user_logged_in)
def record_sign_in(request: HttpRequest, user: User, **signal: object) -> None:
    if before := request.session.get(SIGN_IN_KEY):
        sign_out(before)  # the browser signed in again through the admin's login
    browser = browser_name(request.META.get("HTTP_USER_AGENT", ""))
    request.session[SIGN_IN_KEY] = str(SignIn.objects.create(user=user, browser=browser).pk)


@receiver(user_logged_out)
def end_sign_in(request: HttpRequest, **signal: object) -> None:
    if sign_in_id := request.session.get(SIGN_IN_KEY):
        sign_out(sign_in_id)


@receiver(post_save, sender=User)
def end_sessions(instance: User, created: bool, **signal: object) -> None:
    """Ends all devices of a user after a new password or a deactivation. This covers forms, the API, the admin and
    commands.
    """
    # Django keeps a new password in `_password` until the user is saved, and clears it if it only rehashes the old one.
    if not created and (instance._password is not None or not instance.is_active):
        sign_out_everywhere(instance)


@receiver(pre_delete, sender=User)
def protect_log_entries(instance: User, **signal: object) -> None:
    """Prevents the deletion of accounts that have entries in the admin's log, since Django would delete the entries
    too. Such accounts can be deactivated instead.
    """
    entries = LogEntry.objects.filter(user=instance)
    if entries.exists():
        raise ProtectedError("This account has entries in the admin's log.", set(entries[:1]))


@receiver(post_delete, sender=SignIn)
def close_sockets(instance: SignIn, **signal: object) -> None:
    transaction.on_commit(partial(jobs.start, hub.end_session, str(instance.pk)))
