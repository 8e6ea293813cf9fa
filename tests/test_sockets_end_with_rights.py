"""A socket closes and receives nothing more when its device, user, password or token is no longer valid."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Collection
from datetime import timedelta
from typing import Any
from unittest import mock

from asgiref.sync import sync_to_async
from django.conf import settings
from django.test import Client, override_settings
from rest_framework.request import Request
from rest_framework.test import APIClient
from rest_framework_simplejwt.tokens import AccessToken

from accounts.cookies import ACCESS_COOKIE
from accounts.live_auth import SignInAuthBackend
from accounts.models import SignIn, User
from accounts.services.sign_ins import sign_out
from assistants.consumers.conversation_consumer import ConversationAssistantConsumer
from assistants.factories import AssistantConversationFactory
from assistants.models import AssistantConversation
from live.credentials import ConnectionRegistry, Credential
from test_utils.testing import Page, SocketTestCase
from test_utils.users import alice, bob

ORIGIN = (b"origin", b"http://testserver")
HOST = (b"host", b"testserver")


class Device:
    """A device on which a user has signed in through the API. It has a browser's cookies, and a program's tokens."""

    def __init__(self, email: str) -> None:
        self.browser = APIClient()
        response = self.browser.post("/api/accounts/login/", {"email": email, "password": "password"})
        assert response.status_code == 200, response.content
        self.access, self.refresh = response.json()["access"], response.json()["refresh"]
        self.program = APIClient(HTTP_AUTHORIZATION=f"Bearer {self.access}")

    def post(self, path: str, data: Any = None) -> None:
        response = self.program.post(path, data)
        assert response.status_code == 200, response.content

    @property
    def by_token(self) -> list[tuple[bytes, bytes]]:
        return [(b"authorization", f"Bearer {self.access}".encode())]

    def cookies(self, *names: str) -> list[tuple[bytes, bytes]]:
        data = "; ".join(f"{name}={self.browser.cookies[name].value}" for name in names)
        return [HOST, ORIGIN, (b"cookie", data.encode())]


class RightsCase(SocketTestCase):
    consumer = ConversationAssistantConsumer

    def setUp(self) -> None:
        super().setUp()
        self.alice, self.bob = alice(), bob()
        self.conversation: AssistantConversation = AssistantConversationFactory.create(user=self.alice)
        self.of_bob: AssistantConversation = AssistantConversationFactory.create(user=self.bob)
        self.laptop, self.phone = Device("alice@example.com"), Device("alice@example.com")
        self.elsewhere = Device("bob@example.com")

    async def listen(
        self, headers: list[tuple[bytes, bytes]], conversation: AssistantConversation | None = None
    ) -> Page:
        conversation = conversation or self.conversation
        page = await self.open_socket(f"/ws/assistants/{conversation.pk}/", headers=headers)
        first = await page.receive()
        assert first["payload"]["statusCode"] == 200, first
        return page

    async def everyone(self) -> tuple[Page, Page, Page]:
        """Opens sockets for Alice on her laptop, Alice on her phone, and Bob."""
        return (
            await self.listen(self.laptop.by_token),
            await self.listen(self.phone.by_token),
            await self.listen(self.elsewhere.by_token, self.of_bob),
        )

    async def rename(self) -> None:
        """Publishes an event to all subscribers of Alice's conversation."""
        again = await sync_to_async(Device)("alice@example.com")
        path = f"/api/assistants/conversations/{self.conversation.pk}/"
        response = await sync_to_async(again.program.patch)(path, {"title": "New"})
        assert response.status_code == 200

    async def assert_closed(self, page: Page) -> None:
        """Checks that the socket is closed with the code for a sign-out, and that no frame arrives, in spite of later
        events.
        """
        assert await code_of(page) == 4401
        await self.rename()
        assert await page.receives_nothing()

    async def assert_open(self, page: Page) -> None:
        await page.send('{"action": "ping"}')
        await page.receive_until("pong")


class DeviceTests(RightsCase):
    async def test_signing_a_device_out_closes_its_sockets_and_leaves_the_others(self) -> None:
        laptop, phone, bobs = await self.everyone()

        await sync_to_async(self.laptop.post)("/api/accounts/logout/")

        await self.assert_closed(laptop)
        await self.assert_open(phone)
        await self.assert_open(bobs)

    async def test_signing_out_everywhere_closes_all_of_this_user(self) -> None:
        laptop, phone, bobs = await self.everyone()

        await sync_to_async(self.laptop.post)("/api/accounts/logout/", {"allDevices": True})

        await self.assert_closed(laptop)
        await self.assert_closed(phone)
        await self.assert_open(bobs)

    async def test_the_pages_of_a_browser_close_with_its_session(self) -> None:
        page = await self.listen(self.laptop.cookies(settings.SESSION_COOKIE_NAME))
        phone = await self.listen(self.phone.by_token)

        await sync_to_async(self.laptop.browser.post)("/logout")

        await self.assert_closed(page)
        await self.assert_open(phone)

    async def test_a_device_that_staff_deletes_is_out(self) -> None:
        laptop, phone, _ = await self.everyone()
        device = AccessToken(self.laptop.access)["sign_in"]

        await in_admin(f"/admin/accounts/signin/{device}/delete/", {"post": "yes"})

        await self.assert_closed(laptop)
        await self.assert_open(phone)

    async def test_a_device_that_is_signed_out_while_its_socket_opens_is_out(self) -> None:
        received = threading.Event()

        class Late(SignInAuthBackend):
            def get_credential(self, request: Request) -> Credential | None:
                credential = super().get_credential(request)
                assert credential
                sign_out(credential.session_id)
                assert received.wait(5)
                return credential

        def receive(connections: ConnectionRegistry, device: str) -> None:
            original(connections, device)
            received.set()

        original = ConnectionRegistry.on_session_revoked
        with (
            mock.patch("live.authenticator.auth_backend", Late),
            mock.patch.object(ConnectionRegistry, "on_session_revoked", receive),
        ):
            page = await self.open_socket(f"/ws/assistants/{self.conversation.pk}/", headers=self.laptop.by_token)
            assert await page.close_code() == 4401


class UserTests(RightsCase):
    async def test_a_user_deactivated_by_staff_receives_nothing_more(self) -> None:
        laptop, phone, bobs = await self.everyone()

        await in_admin(
            f"/admin/accounts/user/{self.alice.pk}/change/",
            {"email": self.alice.email, "display_name": "Alice", "is_active": ""},
        )

        await self.alice.arefresh_from_db()
        assert not self.alice.is_active
        assert (await code_of(laptop), await code_of(phone)) == (4401, 4401)
        await self.assert_open(bobs)

    async def test_a_reactivated_user_can_sign_in_again(self) -> None:
        self.alice.is_active = False
        await self.alice.asave()
        self.alice.is_active = True
        await self.alice.asave()

        page = await self.open_socket(f"/ws/assistants/{self.conversation.pk}/", headers=self.laptop.by_token)

        assert await page.close_code() == 4401

    async def test_a_deleted_user_receives_nothing_more(self) -> None:
        laptop, phone, bobs = await self.everyone()

        await in_admin(f"/admin/accounts/user/{self.alice.pk}/delete/", {"post": "yes"})

        assert (await code_of(laptop), await code_of(phone)) == (4401, 4401)
        await self.assert_open(bobs)


class PasswordTests(RightsCase):
    NEW = "a mossy staircase"

    async def assert_all_closed_by(self, change: Callable[[], Awaitable[Any]]) -> None:
        laptop, phone, bobs = await self.everyone()

        await change()

        for page in (laptop, phone):
            assert await code_of(page) == 4401
            assert await page.receives_nothing()
        await self.assert_open(bobs)

    async def test_a_new_password_by_the_api_closes_what_the_old_one_opened(self) -> None:
        data = {"oldPassword": "password", "newPassword1": self.NEW, "newPassword2": self.NEW}

        await self.assert_all_closed_by(lambda: sync_to_async(self.laptop.post)("/api/accounts/password/change/", data))

    async def test_a_new_password_by_the_page_closes_what_the_old_one_opened(self) -> None:
        data = {"old_password": "password", "new_password1": self.NEW, "new_password2": self.NEW}
        browser = Client()
        await sync_to_async(browser.force_login)(self.alice)

        await self.assert_all_closed_by(lambda: sync_to_async(browser.post)("/password_change/", data))

        # This browser got a new session, so the user who has just entered both passwords needn't sign in again.
        assert (await sync_to_async(browser.get)("/account")).status_code == 200

    async def test_a_new_password_by_staff_closes_what_the_old_one_opened(self) -> None:
        data = {"password1": self.NEW, "password2": self.NEW, "usable_password": "true"}

        await self.assert_all_closed_by(lambda: in_admin(f"/admin/accounts/user/{self.alice.pk}/password/", data))


class TokenTests(RightsCase):
    def setUp(self) -> None:
        super().setUp()
        token = AccessToken(self.laptop.access)
        token.set_exp(lifetime=timedelta(seconds=1))
        self.laptop.access = self.laptop.browser.cookies[ACCESS_COOKIE] = str(token)

    async def test_a_socket_closes_when_its_token_runs_out(self) -> None:
        laptop, phone, _ = await self.everyone()

        assert await code_of(laptop) == 4401
        await self.assert_open(phone)

    async def test_a_browser_stays_by_its_session(self) -> None:
        by_token = await self.listen(self.laptop.cookies(ACCESS_COOKIE))
        by_both = await self.listen(self.laptop.cookies(ACCESS_COOKIE, settings.SESSION_COOKIE_NAME))

        assert await code_of(by_token) == 4401
        await self.assert_open(by_both)

    async def test_the_session_decides_which_account_listens(self) -> None:
        session = self.elsewhere.browser.cookies[settings.SESSION_COOKIE_NAME].value
        mixed = f"{ACCESS_COOKIE}={self.laptop.access}; {settings.SESSION_COOKIE_NAME}={session}"
        headers = [HOST, ORIGIN, (b"cookie", mixed.encode())]

        refused = await self.open_socket(f"/ws/assistants/{self.conversation.pk}/", headers=headers)

        assert (await refused.receive())["payload"]["statusCode"] == 404
        assert await refused.close_code() == 4404
        await self.assert_open(await self.listen(headers, self.of_bob))


class SweepTests(RightsCase):
    """Tests revocations without a message, which was lost or never sent because the database was changed directly."""

    async def swept(self) -> tuple[Page, Page, Page]:
        patched = mock.patch("live.hub.SWEEP_INTERVAL", 0.05)
        patched.start()
        self.addCleanup(patched.stop)
        return await self.everyone()

    async def test_a_device_that_is_gone_is_found(self) -> None:
        laptop, phone, _ = await self.swept()
        device = AccessToken(self.laptop.access)["sign_in"]

        with mock.patch("accounts.receivers.hub.end_session", nothing):
            await SignIn.objects.filter(pk=device).adelete()

        await self.assert_closed(laptop)
        await self.assert_open(phone)

    async def test_a_user_who_was_switched_off_is_found(self) -> None:
        laptop, phone, bobs = await self.swept()

        await User.objects.filter(pk=self.alice.pk).aupdate(is_active=False)

        assert (await code_of(laptop), await code_of(phone)) == (4401, 4401)
        await self.assert_open(bobs)

    async def test_an_older_version_is_found(self) -> None:
        laptop, phone, bobs = await self.swept()

        await User.objects.filter(pk=self.alice.pk).aupdate(auth_version=7)

        assert (await code_of(laptop), await code_of(phone)) == (4401, 4401)
        await self.assert_open(bobs)

    async def test_all_sockets_are_looked_at_in_one_query(self) -> None:
        asked = threading.Event()

        def still_valid(backend: SignInAuthBackend, connections: Collection[Credential]) -> Collection[Credential]:
            with self.assertNumQueries(1):
                good = original_ask(backend, connections)
            if len(connections) == 3:
                asked.set()
            return good

        original_ask = SignInAuthBackend.still_valid
        with mock.patch.object(SignInAuthBackend, "still_valid", still_valid):
            pages = await self.swept()
            assert await asyncio.to_thread(asked.wait, 5)

        for page in pages:
            await self.assert_open(page)


class CrowdTests(RightsCase):
    def path(self) -> str:
        return f"/ws/assistants/{self.conversation.pk}/"

    async def refusal(self, headers: list[tuple[bytes, bytes]]) -> tuple[int, int]:
        page = await self.open_socket(self.path(), headers=headers)
        return (await page.receive())["payload"]["statusCode"], await page.close_code()

    @override_settings(LIVE_SOCKETS_PER_USER=2)
    async def test_a_user_may_have_so_many_sockets(self) -> None:
        laptop, phone, _ = await self.everyone()

        assert await self.refusal(self.phone.by_token) == (429, 4429)

        await laptop.leave()
        await self.listen(self.phone.by_token)
        await self.assert_open(phone)

    @override_settings(LIVE_SOCKETS_PER_ADDRESS=3)
    async def test_an_address_may_have_so_many_sockets(self) -> None:
        laptop, _, _ = await self.everyone()

        assert await self.refusal(self.phone.by_token) == (429, 4429)

        await laptop.leave()
        await self.listen(self.phone.by_token)

    @override_settings(LIVE_SOCKETS_PER_ADDRESS=1)
    async def test_an_ipv6_network_may_have_as_many_sockets_as_an_address(self) -> None:
        async def status_of(address: str) -> int:
            page = await self.open_socket(self.path(), headers=self.phone.by_token, address=address)
            status: int = (await page.receive())["payload"]["statusCode"]
            return status

        assert await status_of("2001:db8::1") == 200
        assert await status_of("2001:db8::2") == 429
        assert await status_of("2001:db8:0:1::1") == 200

    @override_settings(LIVE_SOCKETS_PER_USER=1, LIVE_SOCKETS_PER_ADDRESS=1, LIMITS=False)
    async def test_load_tests_may_have_as_many_as_they_like(self) -> None:
        await self.everyone()

    @override_settings(LIVE_FRAMES_PER_MINUTE=2)
    async def test_a_client_that_sends_too_much_is_disconnected(self) -> None:
        laptop, phone, _ = await self.everyone()

        for _ in range(3):
            await laptop.send('{"action": "ping"}')

        assert await laptop.close_code() == 4429
        await self.assert_open(phone)

    @override_settings(LIVE_FRAMES_PER_MINUTE=2)
    async def test_invalid_frames_count_too(self) -> None:
        laptop = await self.listen(self.laptop.by_token)

        for _ in range(3):
            await laptop.send("not JSON")

        assert await laptop.close_code() == 4429


async def code_of(page: Page) -> int:
    """Returns the code that closes the page. Fails if a frame arrives first."""
    output = await page.communicator.receive_output(5)
    assert output["type"] == "websocket.close", output
    code: int = output["code"]
    return code


async def in_admin(path: str, data: dict[str, Any]) -> None:
    """Submits a form of the admin as staff, and checks that it succeeds."""

    def send() -> None:
        staff = Client()
        staff.force_login(User.objects.create_superuser("staff@example.com", "password"))
        response = staff.post(path, data)
        assert response.status_code == 302, response.content.decode()

    await sync_to_async(send)()


async def nothing(*arguments: object) -> None:
    """Does nothing, in place of the function that would notify the sockets."""
