"""Logs never contain users' texts or secrets, and responses never contain unexpected errors.

The tests send a marker text in bodies, addresses, headers and frames to every endpoint, and then search all logs for
it.
"""

import json
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from io import StringIO
from typing import Any
from unittest import mock

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.core import mail
from django.test import Client
from rest_framework.test import APIClient

from accounts.models import User
from assistants.consumers.conversation_consumer import ConversationAssistantConsumer
from assistants.llm.errors import ModelProblem, ModelUnavailable
from core import logs
from test_utils.auth_api_test_case import ws_headers
from test_utils.openai_test_utils import scripted_model
from test_utils.rights import ROLES
from test_utils.testing import SocketTestCase
from tests.test_rights_matrix import METHODS, World, rest_routes

CANARY = "canary-7f3a-b2c9"
FIELDS = [
    *("content", "title", "displayName", "password", "password1", "password2", "oldPassword", "newPassword1"),
    *("newPassword2", "uid", "token", "refresh", "model", "nothingWeKnow"),
]
# The first body is refused, and the second is accepted.
BODIES: list[dict[str, str]] = [
    {**dict.fromkeys(FIELDS, CANARY), "email": f"{CANARY}@example.com"},
    {"content": CANARY, "title": CANARY, "displayName": CANARY, "email": f"{CANARY}@example.com", "password": CANARY},
]


@contextmanager
def all_logged() -> Iterator[StringIO]:
    """Captures the log at the level of production, with tracebacks."""
    import_module("config.asgi")  # configures logging on its first import, which would remove our handler
    written = StringIO()
    formatter = logs.formatter(as_json=True)
    handler = logging.StreamHandler(written)
    handler.setFormatter(formatter.pop("()")(**formatter))
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    try:
        yield written
    finally:
        root.setLevel(level)
        root.removeHandler(handler)


def assert_silent(written: StringIO, *secrets: str) -> None:
    lines = written.getvalue().splitlines()
    assert lines, "nothing was logged at all: this test would prove nothing"
    found = [line for line in lines if any(secret in line for secret in (CANARY, *secrets))]
    assert not found, f"{len(found)} lines, the first of them: {found[0][:500]}"


@pytest.mark.django_db
@pytest.mark.parametrize("route", rest_routes())
def test_no_route_logs_what_it_was_sent(route: str) -> None:
    world = World()

    with all_logged() as written, scripted_model(CANARY):
        for role in ROLES:
            client = world.client(role)
            for method in METHODS:
                for body in BODIES:
                    path = f"{world.path(route, role)}?search={CANARY}"
                    data = body if method != "GET" else None
                    getattr(client, method.lower())(path, data, headers={"Idempotency-Key": CANARY})

    assert_silent(written, *(token.removeprefix("Bearer ") for token in world.tokens.values()))


@pytest.mark.django_db
def test_no_page_logs_what_was_typed_into_it() -> None:
    user = User.objects.create_user("alice@example.com", CANARY)
    browser = Client()

    with all_logged() as written:
        browser.post("/register", {"email": "x@example.com", "password1": CANARY, "password2": CANARY, "next": CANARY})
        Client().post("/login", {"username": "alice@example.com", "password": f"{CANARY}!"})
        Client().get(f"/login?next=/{CANARY}")
        browser.get(f"/assistants/?search={CANARY}")
        browser.post("/account", {"display_name": CANARY})
        verification = re.search(r"/verify-email/\S+", str(mail.outbox[-1].body))
        assert verification
        Client().get(verification.group(), follow=True)
        browser.post("/password_reset/", {"email": "alice@example.com"})
        link = re.search(r"/reset/\S+", str(mail.outbox[-1].body))
        assert link
        key = link.group().strip("/").split("/")[-1]
        Client().get(link.group(), follow=True)
        Client().post(
            "/api/accounts/password/reset/confirm/", {"uid": "1", "token": key}, content_type="application/json"
        )

    session = browser.cookies[settings.SESSION_COOKIE_NAME].value
    assert_silent(written, key, verification.group().strip("/").split("/")[-1], session, user.password)


@pytest.mark.django_db
def test_no_token_is_logged_that_is_used_or_refused() -> None:
    User.objects.create_user("alice@example.com", CANARY)

    with all_logged() as written:
        client = APIClient()
        keys = client.post("/api/accounts/login/", {"email": "alice@example.com", "password": CANARY}).json()
        APIClient(HTTP_AUTHORIZATION=f"Bearer {keys['access']}").get("/api/accounts/user/")
        for _ in range(2):
            APIClient().post("/api/accounts/token/refresh/", {"refresh": keys["refresh"]})
        APIClient().get("/api/accounts/user/", HTTP_AUTHORIZATION=f"Bearer {keys['access']}{CANARY}")

    assert_silent(written, keys["access"], keys["refresh"])


class BrokenTests(SocketTestCase):
    consumer = ConversationAssistantConsumer

    def setUp(self) -> None:
        super().setUp()
        self.world = World()

    def broken(self, path: str, role: str) -> Any:
        """Sends a request during which the user's lookup raises an exception that contains a secret."""
        client = self.world.client(role)
        client.raise_request_exception = False
        with mock.patch(
            "assistants.models.assistant_conversation.AssistantConversation.objects.owned_by", side_effect=boom
        ):
            return client.get(path)

    def test_an_error_has_its_reference_and_no_message_of_its_own(self) -> None:
        with all_logged() as written:
            response = self.broken("/api/assistants/conversations/", "owner")

        number = response["X-Request-ID"]
        assert response.status_code == 500
        assert response.json() == {
            "type": "server_error",
            "errors": [
                {
                    "code": "error",
                    "detail": "Something went wrong on our side. "
                    f"If it keeps happening, quote this reference: {number}.",
                    "attr": None,
                }
            ],
        }
        [line] = [line for line in map(json.loads, written.getvalue().splitlines()) if "exception" in line]
        assert line["request_id"] == number

    def test_every_answer_has_a_number(self) -> None:
        for path in ("/", "/healthz", "/api/accounts/user/", "/nothing", "/account"):
            with self.subTest(path):
                assert APIClient().get(path)["X-Request-ID"]

    async def test_no_socket_logs_what_it_receives_or_says(self) -> None:
        owner, conversation = self.world.users["owner"], self.world.rows["assistants"].owned["owner"].conversation
        headers = await sync_to_async(ws_headers)(owner)
        path = f"/ws/assistants/{conversation.pk}/"

        with all_logged() as written:
            page = await self.open_socket(path, headers=headers)
            frames = [CANARY, "[]", f'{{"action": "{CANARY}"}}', f'{{"action": "ping", "payload": "{CANARY}"}}']
            for frame in frames:
                await page.send(frame)
            with scripted_model(CANARY, ModelUnavailable(ModelProblem.OVERLOADED, cause="HTTP 503")):
                messages = f"/api/assistants/conversations/{conversation.pk}/messages/"
                await self.request("POST", messages, {"content": CANARY}, by=owner)
                await page.receive_until("assistant_error")
            await self.open_socket(path, headers=[(b"authorization", f"Bearer {CANARY}".encode())])

        await sync_to_async(assert_silent)(written, headers[0][1].decode().removeprefix("Bearer "))


def boom(*arguments: object) -> None:
    raise RuntimeError(f"could not connect as postgres:{CANARY}")
