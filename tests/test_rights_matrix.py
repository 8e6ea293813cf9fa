"""Who may do what: every role at every REST route with every method, and at every socket.

The routes come from the URL configuration. Each must be declared below; a method that isn't declared is refused to all.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

import pytest
from django.db import transaction
from django.urls import URLPattern, URLResolver, get_resolver
from rest_framework.test import APIClient

from accounts.factories.user import UserFactory
from accounts.models import User
from assistants.consumers.conversation_consumer import ConversationAssistantConsumer
from assistants.factories import AnswerFactory, AssistantConversationFactory
from assistants.models import AssistantConversation
from assistants.models.assistant_message import Status
from chat.factories import ChatMemberFactory, ChatMessageFactory, GroupChatFactory
from chat.models.room import ChatRole
from config.routing import router
from discussion.factories import DiscussionReplyFactory, DiscussionTopicFactory
from test_utils.auth_api_test_case import bearer
from test_utils.people import alice, bob, mallory
from test_utils.testing import SocketTestCase

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
ROLES = ("visitor", "stranger", "member", "admin", "owner", "staff", "deactivated")
LET_IN = 0  # whatever is answered then: a 400 for an empty body was said behind the door
SHUT = {401, 403, 404, 405}

Rule: TypeAlias = dict[str, int]

ANYBODY: Rule = dict.fromkeys(ROLES, LET_IN)
# With a token that is over nobody is taken for a visitor: they are told.
ANYBODY_WITHOUT_A_BAD_TOKEN: Rule = ANYBODY | {"deactivated": 401}
SIGNED_IN: Rule = ANYBODY | {"visitor": 401, "deactivated": 401}
# What one may not see does not exist, for staff too: they have the admin.
OWNER: Rule = SIGNED_IN | dict.fromkeys(("stranger", "member", "admin", "staff"), 404)
# A room, for those who are in it.
MEMBERS: Rule = SIGNED_IN | {"stranger": 404, "staff": 404}
MANAGERS: Rule = MEMBERS | {"member": 403}
ROOM_OWNERS: Rule = MANAGERS | {"admin": 403}

# A topic or a reply: everybody reads; here the owner has asked, and a member has replied.
WHO_ASKED: Rule = SIGNED_IN | dict.fromkeys(("stranger", "member", "admin", "staff"), 403)
WHO_ASKED_AND_STAFF: Rule = WHO_ASKED | {"staff": LET_IN}
ALL_BUT_WHO_ASKED: Rule = SIGNED_IN | {"owner": 403}
WHO_REPLIED_AND_STAFF: Rule = SIGNED_IN | dict.fromkeys(("stranger", "admin", "owner"), 403)
ALL_BUT_WHO_REPLIED: Rule = SIGNED_IN | {"member": 403}
STAFF: Rule = WHO_ASKED_AND_STAFF | {"owner": 403}

MINE = "api/assistants/conversations/<uuid:conversation_pk>/"
ANONYMOUS = "api/assistants/anonymous/<uuid:conversation_pk>/"
ROOM = "api/chat/<int:group_chat_pk>/"
TOPIC = "api/discussion/<int:pk>/"
REPLIES = "api/discussion/<int:topic_pk>/replies/"

# Route, then method. "HEAD" and "OPTIONS" go with "GET".
RULES: dict[str, dict[str, Rule]] = {
    "api/accounts/login/": {"POST": ANYBODY},
    "api/accounts/logout/": {"POST": ANYBODY_WITHOUT_A_BAD_TOKEN},
    "api/accounts/registration/": {"POST": ANYBODY},
    "api/accounts/token/refresh/": {"POST": dict.fromkeys(ROLES, 401)},  # none of them brings a refresh token
    "api/accounts/token/verify/": {"POST": ANYBODY},
    "api/accounts/user/": {"GET": SIGNED_IN, "PATCH": SIGNED_IN},
    "api/accounts/email/verification/": {"POST": SIGNED_IN},
    "api/accounts/password/change/": {"POST": SIGNED_IN},
    "api/accounts/password/reset/": {"POST": ANYBODY},
    "api/accounts/password/reset/confirm/": {"POST": ANYBODY},
    "api/schema/": {"GET": ANYBODY_WITHOUT_A_BAD_TOKEN},
    "api/schema/swg/": {"GET": ANYBODY},
    "api/schema/redoc/": {"GET": ANYBODY},
    "api/asyncapi/docs/": {"GET": ANYBODY},
    "api/asyncapi/schema/": {"GET": ANYBODY},
    "api/assistants/models/": {"GET": ANYBODY_WITHOUT_A_BAD_TOKEN},
    "api/assistants/anonymous/": {"POST": ANYBODY_WITHOUT_A_BAD_TOKEN},
    "api/assistants/conversations/": {"GET": SIGNED_IN, "POST": SIGNED_IN},
    MINE: {"GET": OWNER, "PUT": OWNER, "PATCH": OWNER, "DELETE": OWNER},
    f"{MINE}messages/": {"GET": OWNER, "POST": OWNER},
    f"{MINE}messages/<int:pk>/": {"GET": OWNER},
    f"{MINE}messages/<int:pk>/stop/": {"POST": OWNER},
    f"{MINE}messages/<int:pk>/retry/": {"POST": OWNER},
    f"{MINE}messages/<int:pk>/regenerate/": {"POST": OWNER},
    # Whoever holds the id of a conversation without owner.
    f"{ANONYMOUS}messages/": {"GET": ANYBODY_WITHOUT_A_BAD_TOKEN, "POST": ANYBODY_WITHOUT_A_BAD_TOKEN},
    f"{ANONYMOUS}messages/<int:pk>/": {"GET": ANYBODY_WITHOUT_A_BAD_TOKEN},
    f"{ANONYMOUS}messages/<int:pk>/stop/": {"POST": ANYBODY_WITHOUT_A_BAD_TOKEN},
    f"{ANONYMOUS}messages/<int:pk>/retry/": {"POST": ANYBODY_WITHOUT_A_BAD_TOKEN},
    f"{ANONYMOUS}messages/<int:pk>/regenerate/": {"POST": ANYBODY_WITHOUT_A_BAD_TOKEN},
    "api/chat/": {"GET": SIGNED_IN, "POST": SIGNED_IN},
    "api/chat/<int:pk>/": {"GET": MEMBERS, "PUT": ROOM_OWNERS, "PATCH": ROOM_OWNERS, "DELETE": ROOM_OWNERS},
    "api/chat/<int:pk>/read/": {"POST": MEMBERS},
    f"{ROOM}messages/": {"GET": MEMBERS, "POST": MEMBERS},
    # Said by the owner.
    f"{ROOM}messages/<int:pk>/": {"GET": MEMBERS, "PUT": ROOM_OWNERS, "PATCH": ROOM_OWNERS, "DELETE": MANAGERS},
    f"{ROOM}members/": {"GET": MEMBERS, "POST": MANAGERS},
    # About somebody who may nothing more than any member.
    f"{ROOM}members/<int:pk>/": {"GET": MEMBERS, "PUT": MANAGERS, "PATCH": MANAGERS, "DELETE": MANAGERS},
    f"{ROOM}members/<int:pk>/hand-over/": {"POST": ROOM_OWNERS},
    "api/discussion/": {"GET": SIGNED_IN, "POST": SIGNED_IN},
    "api/discussion/tags/": {"GET": SIGNED_IN},
    "api/discussion/similar/": {"GET": SIGNED_IN},
    "api/discussion/preview/": {"POST": SIGNED_IN},
    "api/discussion/inbox/": {"GET": SIGNED_IN},
    "api/discussion/inbox/unread/": {"GET": SIGNED_IN},
    "api/discussion/inbox/read/": {"POST": SIGNED_IN},
    TOPIC: {
        "GET": SIGNED_IN,
        "PUT": WHO_ASKED_AND_STAFF,
        "PATCH": WHO_ASKED_AND_STAFF,
        "DELETE": WHO_ASKED_AND_STAFF,
    },
    f"{TOPIC}edits/": {"GET": SIGNED_IN},
    f"{TOPIC}vote/": {"POST": ALL_BUT_WHO_ASKED},
    f"{TOPIC}accept-answer/": {"POST": WHO_ASKED},
    f"{TOPIC}unaccept-answer/": {"POST": WHO_ASKED},
    **{f"{TOPIC}{action}/": {"POST": STAFF} for action in ("close", "reopen", "pin", "unpin")},
    REPLIES: {"GET": SIGNED_IN, "POST": SIGNED_IN},
    f"{REPLIES}<int:pk>/": {
        "GET": SIGNED_IN,
        "PUT": WHO_REPLIED_AND_STAFF,
        "PATCH": WHO_REPLIED_AND_STAFF,
        "DELETE": WHO_REPLIED_AND_STAFF,
    },
    f"{REPLIES}<int:pk>/edits/": {"GET": SIGNED_IN},
    f"{REPLIES}<int:pk>/vote/": {"POST": ALL_BUT_WHO_REPLIED},
}

# Socket route, then which thing of that kind.
SOCKETS: dict[str, dict[str, Rule]] = {
    "ws/assistants/<uuid:pk>/": {"owned": OWNER, "ownerless": ANYBODY_WITHOUT_A_BAD_TOKEN},
    "ws/chat/group/": {"my rooms": SIGNED_IN},
    "ws/chat/<int:pk>/": {"room": MEMBERS},
    "ws/discussion/": {"list": SIGNED_IN},
    "ws/discussion/inbox/": {"my inbox": SIGNED_IN},
    "ws/discussion/<int:pk>/": {"topic": SIGNED_IN},
}


class World:
    """One of everything: Alice owns, Mallory is a stranger; whoever is switched off has things of their own."""

    def __init__(self) -> None:
        self.people: dict[str, User] = {
            "owner": alice(),
            "stranger": mallory(),
            "deactivated": bob(),
            "member": UserFactory.create(),
            "admin": UserFactory.create(),
            "staff": User.objects.create_superuser("staff@example.com", "password"),
        }
        self.tokens = {role: bearer(person) for role, person in self.people.items()}
        User.objects.filter(pk=self.people["deactivated"].pk).update(is_active=False)
        self.ownerless = Thing.of(None)
        self.owned = {role: Thing.of(self.people[role]) for role in ("owner", "deactivated")}
        self.room = GroupChatFactory.create()
        for role, chat_role in {"owner": ChatRole.OWNER, "admin": ChatRole.ADMIN, "member": ChatRole.MEMBER}.items():
            ChatMemberFactory.create(group_chat=self.room, user=self.people[role], chat_role=chat_role)
        self.other_member = ChatMemberFactory.create(group_chat=self.room)
        self.said = ChatMessageFactory.create(group_chat=self.room, author=self.people["owner"])
        self.topic = DiscussionTopicFactory.create(author=self.people["owner"], reply_count=1)
        self.reply = DiscussionReplyFactory.create(topic=self.topic, author=self.people["member"])

    def thing(self, route: str, role: str) -> "Thing":
        if "anonymous/" in route:
            return self.ownerless
        return self.owned.get(role, self.owned["owner"])

    def path(self, route: str, role: str) -> str:
        thing = self.thing(route, role)
        known: dict[str, object] = {
            "<uuid:conversation_pk>": thing.conversation.pk,
            "<uuid:pk>": thing.conversation.pk,
            "<int:pk>": thing.answer_id,
        }
        if "chat/" in route:
            known = {"<int:group_chat_pk>": self.room.pk, "<int:pk>": self.chat_id(route)}
        if "discussion/" in route:
            known = {"<int:topic_pk>": self.topic.pk}
            known["<int:pk>"] = self.reply.pk if "replies/" in route else self.topic.pk
        for placeholder, value in known.items():
            route = route.replace(placeholder, str(value))
        assert "<" not in route, f"say here what stands for the placeholders of {route}"
        return f"/{route}"

    def chat_id(self, route: str) -> int:
        """What `<int:pk>` stands for in a route of the chat."""
        if "messages/" in route:
            return int(self.said.pk)
        return int(self.other_member.pk if "members/" in route else self.room.pk)

    def client(self, role: str) -> APIClient:
        return APIClient(HTTP_AUTHORIZATION=self.tokens[role]) if role in self.tokens else APIClient()


@dataclass(frozen=True)
class Thing:
    """A conversation, with an answer that may be tried again."""

    conversation: AssistantConversation
    answer_id: int

    @classmethod
    def of(cls, user: User | None) -> "Thing":
        conversation = AssistantConversationFactory.create(user=user)
        answer = AnswerFactory.create(question__conversation=conversation, status=Status.FAILED)
        return cls(conversation, answer.pk)


def rest_routes() -> list[str]:
    return sorted(route for route in routes_in(get_resolver().url_patterns) if route.startswith("api/"))


def routes_in(patterns: list[Any], prefix: str = "") -> Iterator[str]:
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from routes_in(pattern.url_patterns, route)
        else:
            assert isinstance(pattern, URLPattern)
            yield route


def socket_routes(routed: Any = router, prefix: str = "") -> Iterator[str]:
    for pattern in routed.routes:
        route = prefix + str(pattern.pattern)
        if hasattr(pattern.callback, "routes"):
            yield from socket_routes(pattern.callback, route)
        else:
            yield route


def test_every_route_has_a_rule_and_every_rule_a_route() -> None:
    assert rest_routes() == sorted(RULES)


def test_every_socket_has_a_rule_and_every_rule_a_socket() -> None:
    assert sorted(socket_routes()) == sorted(SOCKETS)


@pytest.fixture
def world(db: None) -> World:
    return World()


@pytest.mark.parametrize("route", rest_routes())
def test_route_lets_in_whom_its_rule_says_and_nobody_else(route: str, world: World) -> None:
    wrong = [
        f"{method} by {role}: {status}, not {expected or 'let in'}"
        for method in METHODS
        for role in ROLES
        for expected in [RULES[route].get(method, {}).get(role, 405)]
        if not fits(status := undone(partial(ask, world, route, method, role)), expected)
    ]

    assert wrong == []


@pytest.mark.parametrize("route", rest_routes())
def test_to_ask_what_a_route_takes_breaks_nothing(route: str, world: World) -> None:
    answers = {role: world.client(role).options(world.path(route, role)).status_code for role in ROLES}

    assert {role: status for role, status in answers.items() if status >= 500} == {}


def ask(world: World, route: str, method: str, role: str) -> int:
    call = getattr(world.client(role), method.lower())
    status: int = call(world.path(route, role), {} if method != "GET" else None).status_code
    return status


def fits(status: int, expected: int) -> bool:
    if expected == LET_IN:
        return status not in SHUT and status < 500
    if expected == 405:
        return status in SHUT  # whoever may not even come near need not learn which methods there are
    return status == expected


def undone(action: Callable[[], int]) -> int:
    """Do it in a transaction that is rolled back, so that the next role finds everything as it was."""
    with transaction.atomic():
        status = action()
        transaction.set_rollback(True)
    return status


class SocketTests(SocketTestCase):
    consumer = ConversationAssistantConsumer

    def setUp(self) -> None:
        super().setUp()
        self.world = World()

    async def test_sockets_let_in_whom_their_rules_say_and_nobody_else(self) -> None:
        for route, rules in SOCKETS.items():
            for kind, rule in rules.items():
                for role in ROLES:
                    with self.subTest(route, kind=kind, role=role):
                        assert await self.answer(route, kind, role) == (rule[role] or 200)

    async def answer(self, route: str, kind: str, role: str) -> int:
        """The status that is said first; who is refused is also closed, with a code that says the same."""
        path = self.world.path(route, role)
        if kind == "ownerless":
            path = f"/ws/assistants/{self.world.ownerless.conversation.pk}/"
        token = self.world.tokens.get(role)
        page = await self.open_socket(
            path,
            headers=[(b"authorization", token.encode())] if token else [],
        )
        status: int = (await page.hear())["payload"]["statusCode"]
        if status != 200:
            assert await page.close_code() == 4000 + status
        return status
