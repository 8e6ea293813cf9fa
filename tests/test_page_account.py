"""A page acts only as the account for which it was rendered, although all tabs of a browser share one session."""

import re
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.auth.models import AnonymousUser
from django.test import Client, TestCase
from django.urls import reverse
from rest_framework.test import APIClient

from accounts.cookies import ACCESS_COOKIE
from accounts.models import SignIn, User
from assistants.consumers.conversation_consumer import ConversationAssistantConsumer
from assistants.factories import AssistantConversationFactory
from assistants.models import AssistantConversation, AssistantMessage
from chat.factories import ChatMemberFactory
from chat.models import ChatMessage, GroupChat
from chat.models.room import ChatRole
from core.page_account import FIELD, HEADER, account_id
from discussion.factories import DiscussionReplyFactory, DiscussionTopicFactory
from discussion.models import DiscussionReply, DiscussionTopic
from test_utils.auth_api_test_case import bearer
from test_utils.rest_contract import contract
from test_utils.testing import SocketTestCase
from test_utils.users import alice, bob, mallory

SANDBOX = Path(__file__).resolve().parents[1] / "sandbox_django"
PAGES = {path for path in SANDBOX.rglob("templates/**/*.html") if "node_modules" not in path.parts}
POST_FORM = re.compile(r"<form\b[^>]*method=\"post\".*?</form>", re.DOTALL)
ACCOUNT = re.compile(rf'name="{FIELD}" value="(\w+)"')
A_UUID = "6f2b0a64-3c5e-4d1e-9d43-0b5a6c1f2e11"


class ApiTests(TestCase):
    def setUp(self) -> None:
        self.alice, self.bob = alice(), bob()
        self.browser = APIClient()
        self.browser.force_login(self.bob)

    def test_every_operation_refuses_a_page_of_another_account(self) -> None:
        operations = list(operations_for_cookies())
        assert len(operations) > 60

        for method, path in operations:
            with self.subTest(f"{method} {path}"):
                response = self.browser.generic(method, path, "{}", "application/json", headers=page_of(self.alice))
                assert refusal_of(response) == (HTTPStatus.FORBIDDEN, "account_changed")

    def test_nothing_is_written(self) -> None:
        room = room_of(self.bob)
        topic = DiscussionTopicFactory.create()
        requests: list[tuple[str, dict[str, Any]]] = [
            ("/api/discussion/", {"title": "Mine", "content": "Mine"}),
            (f"/api/discussion/{topic.pk}/replies/", {"content": "Mine"}),
            (f"/api/discussion/{topic.pk}/vote/", {"vote": 1}),
            (f"/api/chat/{room.pk}/messages/", {"content": "Mine"}),
            ("/api/assistants/conversations/", {}),
        ]

        for path, body in requests:
            with self.subTest(path):
                response = self.browser.post(path, body, headers=page_of(self.alice))
                assert refusal_of(response) == (HTTPStatus.FORBIDDEN, "account_changed")

        assert DiscussionTopic.objects.count() == 1
        assert not DiscussionReply.objects.exists()
        assert not ChatMessage.objects.exists()
        assert not AssistantConversation.objects.exists()

    def test_a_page_whose_account_signed_out_does_not_become_a_visitors(self) -> None:
        response = APIClient().post("/api/assistants/anonymous/", {}, headers=page_of(self.alice))

        assert refusal_of(response) == (HTTPStatus.FORBIDDEN, "account_changed")
        assert "signed out" in response.json()["errors"][0]["detail"]
        assert not AssistantConversation.objects.exists()

    def test_a_visitors_page_does_not_act_as_the_account_that_signed_in(self) -> None:
        conversation = AssistantConversationFactory.create(user=None)
        path = f"/api/assistants/anonymous/{conversation.pk}/messages/"

        response = self.browser.post(path, {"content": "Mine?"}, headers=page_of(AnonymousUser()))

        assert refusal_of(response) == (HTTPStatus.FORBIDDEN, "account_changed")
        assert not AssistantMessage.objects.exists()

    def test_the_account_is_checked_against_the_token_cookie_too(self) -> None:
        browser = APIClient()
        browser.cookies[ACCESS_COOKIE] = bearer(self.bob).removeprefix("Bearer ")

        response = browser.get("/api/accounts/user/", headers=page_of(self.alice))

        assert refusal_of(response) == (HTTPStatus.FORBIDDEN, "account_changed")

    def test_a_token_cookie_of_an_earlier_sign_in_does_not_outrank_the_session(self) -> None:
        self.browser.cookies[ACCESS_COOKIE] = bearer(self.alice).removeprefix("Bearer ")

        response = self.browser.get("/api/accounts/user/")

        assert response.json()["email"] == "bob@example.com"

    def test_the_same_account_in_another_session_continues(self) -> None:
        response = self.browser.patch("/api/accounts/user/", {"displayName": "Bobby"}, headers=page_of(self.bob))

        assert response.status_code == HTTPStatus.OK

    def test_programs_name_no_account(self) -> None:
        program = APIClient(HTTP_AUTHORIZATION=bearer(self.alice))

        assert program.get("/api/accounts/user/").status_code == HTTPStatus.OK
        # The token determines the user, even if a program copies a page's header.
        assert program.get("/api/accounts/user/", headers=page_of(self.bob)).status_code == HTTPStatus.OK


class FormTests(TestCase):
    """Checks forms without JavaScript."""

    def setUp(self) -> None:
        self.alice, self.bob = alice(), bob()
        self.browser = Client()
        self.browser.force_login(self.alice)

    def test_a_topic_is_not_posted_as_another_account_and_its_text_is_shown(self) -> None:
        form = hidden_fields(self.browser.get("/discussion/new/").content.decode())
        self.browser.force_login(self.bob)
        text = "First line <b>\nsecond line"

        response = self.browser.post("/discussion/new/", {**form, "title": "2026", "content": text, "tags": "tea"})

        page = response.content.decode()
        assert response.status_code == HTTPStatus.FORBIDDEN
        assert "signed in with a different account" in response.content.decode().replace("&#x27;", "'")
        assert ">2026</textarea>" in page
        assert ">First line &lt;b&gt;\nsecond line</textarea>" in page
        assert ">tea</textarea>" in page
        assert not DiscussionTopic.objects.exists()

    def test_the_change_is_named_although_the_csrf_token_has_changed_too(self) -> None:
        browser = Client(enforce_csrf_checks=True)
        browser.force_login(self.alice)
        form = hidden_fields(browser.get("/discussion/new/").content.decode())
        browser.post("/logout/", form)
        form_of_login = hidden_fields(browser.get("/login").content.decode())
        browser.post("/login", {**form_of_login, "username": "bob@example.com", "password": "password"})

        response = browser.post("/discussion/new/", {**form, "title": "Kept", "content": "Kept as well"})

        self.assertContains(response, "Your account has changed", status_code=403)
        self.assertContains(response, "Kept as well", status_code=403)

    def test_a_form_that_is_only_too_old_keeps_its_text_as_well(self) -> None:
        browser = Client(enforce_csrf_checks=True)
        browser.force_login(self.alice)

        response = browser.post("/discussion/new/", {"title": "Kept", "content": "Kept as well"})

        self.assertContains(response, "This page has expired", status_code=403)
        self.assertContains(response, "Kept as well</textarea>", status_code=403)

    def test_a_page_of_another_site_writes_nothing_into_ours(self) -> None:
        browser = Client(enforce_csrf_checks=True)
        other_sites: list[dict[str, str]] = [
            {"Origin": "https://evil.example"},
            {"Origin": "null"},
            {"Sec-Fetch-Site": "cross-site"},
        ]

        for headers in other_sites:
            with self.subTest(headers):
                response = browser.post("/discussion/new/", {"content": "Call 555"}, headers=headers)
                self.assertNotContains(response, "Call 555", status_code=403)

    def test_passwords_are_never_shown(self) -> None:
        form = hidden_fields(self.browser.get("/password_change/").content.decode())
        self.browser.force_login(self.bob)
        secret = "a mossy staircase"

        response = self.browser.post(
            "/password_change/", {**form, "old_password": secret, "new_password1": secret, "new_password2": secret}
        )

        self.assertNotContains(response, secret, status_code=403)
        assert User.objects.get(pk=self.bob.pk).check_password("password")

    def test_every_form_of_every_page_refuses_another_account(self) -> None:
        for path, page in self.pages_with_forms():
            for form in POST_FORM.findall(page):
                action = re.search(r'^<form[^>]*action="([^"#]*)', form)
                target = action[1] if action else path
                with self.subTest(f"{path}: {target}"):
                    assert ACCOUNT.findall(form) == [account_id(self.alice)]
                    other = Client()
                    other.force_login(self.bob)
                    response = other.post(target, hidden_fields(form))
                    self.assertContains(response, "Your account has changed", status_code=403)
        assert GroupChat.objects.count() == 1
        assert SignIn.objects.filter(user=self.alice).exists()

    def pages_with_forms(self) -> Iterator[tuple[str, str]]:
        room = room_of(self.alice)
        ChatMemberFactory.create(group_chat=room, user=mallory(), chat_role=ChatRole.MEMBER)
        topic = DiscussionTopicFactory.create(author=self.alice)
        DiscussionReplyFactory.create(topic=topic, author=self.bob)
        of_bob = DiscussionTopicFactory.create(author=self.bob)
        paths = [
            reverse("account"),
            reverse("password_change"),
            reverse("chat-home"),
            reverse("room_settings", args=[room.pk]),
            reverse("group_members", args=[room.pk]),
            reverse("discussion-new"),
            reverse("discussion-detail", args=[topic.pk]),
            reverse("discussion-detail", args=[of_bob.pk]),
            reverse("discussion-edit", args=[topic.pk]),
            reverse("discussion-delete", args=[DiscussionTopicFactory.create(author=self.alice).pk]),
            reverse("discussion-my-inbox"),
        ]
        for path in paths:
            page = self.browser.get(path).content.decode()
            assert POST_FORM.search(page), path
            yield path, page

    def test_a_visitors_sign_in_form_does_not_go_on_behind_an_account(self) -> None:
        visitor = Client()
        for path in ("/login", "/register", "/password_reset/"):
            with self.subTest(path):
                form = hidden_fields(visitor.get(path).content.decode())
                response = self.browser.post(path, {**form, "username": "bob@example.com", "password": "password"})
                self.assertContains(response, "signed in since this page was opened", status_code=403)

    def test_signing_out_ends_only_ones_own_session(self) -> None:
        form = hidden_fields(self.browser.get("/account/").content.decode())
        self.browser.force_login(self.bob)

        response = self.browser.post("/logout/", form)

        assert response.status_code == HTTPStatus.FORBIDDEN
        assert SignIn.objects.filter(user=self.bob).exists()

    def test_signing_out_in_a_second_tab_is_no_error(self) -> None:
        form = hidden_fields(self.browser.get("/account/").content.decode())
        self.browser.logout()

        assert self.browser.post("/logout/", form).status_code == HTTPStatus.FOUND

    def test_a_page_fetched_by_a_script_is_that_of_its_account_or_none(self) -> None:
        room = room_of(self.alice)

        response = self.browser.get(reverse("group_members", args=[room.pk]), headers=page_of(self.bob))

        assert response.status_code == HTTPStatus.FORBIDDEN

    def test_signing_in_as_another_account_ends_the_device_and_tokens_of_the_first(self) -> None:
        browser = APIClient()
        browser.post("/api/accounts/login/", {"email": "alice@example.com", "password": "password"})
        form = hidden_fields(browser.get("/account/").content.decode())
        before = set(SignIn.objects.filter(user=self.alice).values_list("pk", flat=True))

        browser.post("/api/accounts/login/", {"email": "bob@example.com", "password": "password"})

        after = set(SignIn.objects.filter(user=self.alice).values_list("pk", flat=True))
        assert len(before - after) == 1
        response = browser.post("/account/", {**form, "display_name": "Alice L."}, format="multipart")
        assert response.status_code == HTTPStatus.FORBIDDEN
        assert b"Alice L.</textarea>" in response.content
        assert User.objects.get(pk=self.bob.pk).display_name == "Bob"

    def test_the_admin_has_the_field_as_well(self) -> None:
        self.alice.is_staff = self.alice.is_superuser = True
        self.alice.save()
        form = hidden_fields(self.browser.get(f"/admin/accounts/user/{self.bob.pk}/change/").content.decode())
        self.bob.is_staff = self.bob.is_superuser = True
        self.bob.save()
        self.browser.force_login(self.bob)

        response = self.browser.post(f"/admin/accounts/user/{self.bob.pk}/change/", {**form, "display_name": "Typed"})

        self.assertContains(response, "Typed</textarea>", status_code=403)
        assert User.objects.get(pk=self.bob.pk).display_name == "Bob"


class PageTests(TestCase):
    def test_every_page_names_its_account_visitors_too(self) -> None:
        user = alice()
        browser = Client()
        assert f'data-account="{account_id(AnonymousUser())}"' in browser.get("/").content.decode()

        browser.force_login(user)

        assert f'data-account="{account_id(user)}"' in browser.get("/").content.decode()
        assert f'data-account="{account_id(user)}"' in browser.get("/chat/").content.decode()

    def test_the_name_is_no_users_id_and_differs_between_accounts(self) -> None:
        users = [alice(), bob(), AnonymousUser()]

        assert len({account_id(user) for user in users}) == len(users)
        assert all(len(account_id(user)) == 22 for user in users)

    def test_every_post_form_has_a_csrf_token_and_with_it_the_account(self) -> None:
        forms = [(path.name, form) for path in PAGES for form in POST_FORM.findall(path.read_text())]

        assert len(forms) > 20
        assert [name for name, form in forms if "{% csrf_token %}" not in form] == []

    def test_every_script_names_the_account_in_its_requests(self) -> None:
        scripts = [path for path in SANDBOX.rglob("static/**/*.js") if re.search(r"\bfetch\(", path.read_text())]
        # This script fetches public documents, which are the same for all accounts.
        public = {"docs.js"}

        assert len(scripts) > 2
        for path in scripts:
            if path.name not in public:
                assert "accountHeader(" in path.read_text(), path

    def test_drafts_are_kept_for_one_account(self) -> None:
        drafts = [name for path in PAGES for name in re.findall(r'data-draft="((?:{{.*?}}|[^"])*)"', path.read_text())]

        assert len(drafts) > 3
        assert [name for name in drafts if "user.pk" not in name] == []


class SocketTests(SocketTestCase):
    consumer = ConversationAssistantConsumer

    async def test_a_socket_of_another_accounts_page_is_refused(self) -> None:
        user, other = await sync_to_async(alice)(), await sync_to_async(bob)()
        conversation = await sync_to_async(AssistantConversationFactory.create)(user=user)
        path = f"/ws/assistants/{conversation.pk}/"

        refused = await self.open_socket(f"{path}?account={account_id(other)}", by=user)
        first = await refused.receive()
        assert first["payload"]["statusCode"] == HTTPStatus.UNAUTHORIZED
        assert await refused.close_code() == 4401

        page = await self.open_socket(f"{path}?account={account_id(user)}", by=user)
        assert (await page.receive())["payload"]["statusCode"] == HTTPStatus.OK

    async def test_a_visitors_page_opens_no_socket_as_the_account_that_signed_in(self) -> None:
        user = await sync_to_async(alice)()
        conversation = await sync_to_async(AssistantConversationFactory.create)(user=None)

        page = await self.open_socket(
            f"/ws/assistants/{conversation.pk}/?account={account_id(AnonymousUser())}", by=user
        )

        assert (await page.receive())["payload"]["statusCode"] == HTTPStatus.UNAUTHORIZED


def room_of(owner: User) -> GroupChat:
    member = ChatMemberFactory.create(user=owner, chat_role=ChatRole.OWNER)
    return member.group_chat


def operations_for_cookies() -> Iterator[tuple[str, str]]:
    for path, operations in contract().document["paths"].items():
        for method, operation in operations.items():
            if {"session": []} in operation.get("security", []):
                yield method.upper(), re.sub(r"{\w+}", "1", path.replace("{conversationId}", A_UUID))


def page_of(user: Any) -> dict[str, str]:
    return {HEADER: account_id(user)}


def refusal_of(response: Any) -> tuple[int, str]:
    return response.status_code, response.json()["errors"][0]["code"]


def hidden_fields(page: str) -> dict[str, str]:
    return dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page))
