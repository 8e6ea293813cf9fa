"""Access rules for the tests: the roles, shared rules, and the base class of each app's `tests/rights.py`."""

import re
from collections.abc import Iterator
from typing import Any, ClassVar, TypeAlias

from accounts.factories.user import UserFactory
from accounts.models import User
from test_utils.auth_api_test_case import bearer
from test_utils.users import alice, bob, mallory

ROLES = ("visitor", "stranger", "member", "admin", "owner", "staff", "deactivated")
ALLOWED = 0  # any status but a refusal; 400 for an empty body counts, since permissions are checked first

Rule: TypeAlias = dict[str, int]

ANYONE: Rule = dict.fromkeys(ROLES, ALLOWED)
# A client with an expired token gets 401 and isn't treated as a visitor.
ANYONE_WITHOUT_A_BAD_TOKEN: Rule = ANYONE | {"deactivated": 401}
SIGNED_IN: Rule = ANYONE | {"visitor": 401, "deactivated": 401}
# If the user may not see an object, the response is 404. This applies to staff too, who use the admin instead.
OWNER: Rule = SIGNED_IN | dict.fromkeys(("stranger", "member", "admin", "staff"), 404)


class Users:
    """One user for each role. Alice is the owner and Mallory is the stranger. The deactivated user has objects of their
    own.
    """

    def __init__(self) -> None:
        self.by_role: dict[str, User] = {
            "owner": alice(),
            "stranger": mallory(),
            "deactivated": bob(),
            "member": UserFactory.create(),
            "admin": UserFactory.create(),
            "staff": User.objects.create_superuser("staff@example.com", "password"),
        }
        self.tokens = {role: bearer(user) for role, user in self.by_role.items()}
        User.objects.filter(pk=self.by_role["deactivated"].pk).update(is_active=False)


class Rights:
    """The rules of one app, and the rows for its routes. A method without a rule must be refused for all roles."""

    # Maps a route to the rule of each method. "HEAD" and "OPTIONS" use the rule of "GET".
    routes: ClassVar[dict[str, dict[str, Rule]]] = {}
    # Maps a socket route to the rule of each kind of object that a test opens.
    sockets: ClassVar[dict[str, dict[str, Rule]]] = {}

    def __init__(self, users: Users) -> None:
        """Creates the rows."""

    def ids(self, route: str, role: str, kind: str = "") -> dict[str, object]:
        """Returns the values of a route's placeholders for this role. For a socket, `kind` selects the object."""
        return {}


def socket_routes(routed: Any, prefix: str = "") -> Iterator[str]:
    """Yields the routes of all sockets below a URLRouter, such as "ws/chat/<int:pk>/"."""
    for pattern in routed.routes:
        route = prefix + str(pattern.pattern)
        if hasattr(pattern.callback, "routes"):
            yield from socket_routes(pattern.callback, route)
        else:
            yield route


def address_of(route: str) -> str:
    """Returns a route in the spelling of the AsyncAPI document, such as "/ws/chat/{pk}/"."""
    return "/" + re.sub(r"<\w+:(\w+)>", r"{\1}", route)
