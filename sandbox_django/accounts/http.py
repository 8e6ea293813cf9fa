from django.http import HttpRequest
from rest_framework.request import Request

from accounts.models import User


class AuthenticatedRequest(Request):
    """A request whose user has passed the view's permission classes."""

    user: User


class StaffRequest(HttpRequest):
    """A request to an action of the admin."""

    user: User
