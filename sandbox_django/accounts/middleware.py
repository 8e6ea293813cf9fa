from functools import partial

from asgiref.sync import sync_to_async
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from accounts.sessions import person_of_session


class SignInMiddleware(AuthenticationMiddleware):
    """`request.user`, as long as the device is signed in."""

    def process_request(self, request: HttpRequest) -> None:
        request.user = SimpleLazyObject(partial(person_of_session, request))  # type: ignore[assignment]  # as Django's
        request.auser = partial(sync_to_async(person_of_session), request)
