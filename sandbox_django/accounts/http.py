from django.http import HttpRequest
from rest_framework.request import Request

from accounts.models import User


class AuthenticatedRequest(Request):
    """The request of a view whose permission classes only let signed-in users through."""

    user: User


class StaffRequest(HttpRequest):
    """The request of an action in the admin, whose user is staff."""

    user: User
