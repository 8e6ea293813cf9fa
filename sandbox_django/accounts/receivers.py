"""Every door of Django's (our pages, the API, the admin) makes a device, and closing it ends that device."""

from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.dispatch import receiver
from django.http import HttpRequest

from accounts.models import SignIn, User
from accounts.services.sign_ins import SESSION_KEY, sign_out


@receiver(user_logged_in)
def note_sign_in(request: HttpRequest, user: User, **signal: object) -> None:
    request.session[SESSION_KEY] = str(SignIn.objects.create(user=user).pk)


@receiver(user_logged_out)
def note_sign_out(request: HttpRequest, **signal: object) -> None:
    if sign_in_id := request.session.get(SESSION_KEY):
        sign_out(sign_in_id)
