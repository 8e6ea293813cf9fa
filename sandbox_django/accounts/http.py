from django.http import HttpRequest
from rest_framework.request import Request

from accounts.models import User


class AuthenticatedRequest(Request):
    """The request a view gets once its permission classes have let the user in."""

    user: User


class StaffRequest(HttpRequest):
    """The request that an action of the admin gets."""

    user: User
