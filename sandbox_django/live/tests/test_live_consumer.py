"""Tests a live socket from the client's side: refusals, invalid frames, replays and closing."""

import json
from typing import Any, ClassVar, Literal
from unittest import mock

from asgiref.sync import sync_to_async
from channels.routing import URLRouter
from chanx.channels.routing import path
from chanx.core.decorators import channel, ws_handler
from chanx.messages.base import BaseMessage
from django.db import OperationalError
from django.test import Client, override_settings
from rest_framework.permissions import AllowAny, IsAuthenticated

from core.asgi import Lifespan, WebSocketOriginMiddleware
from live import feeds
from live.authenticator import LiveAuthenticator
from live.consumer import MAX_FRAME, LiveConsumer
from live.models import Feed, FeedEvent
from live.tests.notes import NoteWritten
from test_utils.openai_test_utils import Gate
from test_utils.testing import TIMEOUT, Page, SocketTestCase
from test_utils.users import alice


class RingMessage(BaseMessage):
    action: Literal["ring"] = "ring"
    payload: int


class OpenAuthenticator(LiveAuthenticator):
    permission_classes = [AllowAny]


class DenyingAuthenticator(LiveAuthenticator):
    permission_classes = [IsAuthenticated]


@channel(name="hall", description="A hall with a bell", tags=["tests"])
class HallConsumer(LiveConsumer):
    """A consumer without permissions, with an action to ring a bell."""

    authenticator_class: type[LiveAuthenticator] = OpenAuthenticator
    emits = [NoteWritten]
    rung: ClassVar[list[int]] = []
    gate: ClassVar[Gate | None] = None  # a ring of 0 waits here

    def feed(self) -> str:
        return str(self.scope["url_route"]["kwargs"]["name"])

    @ws_handler(summary="Ring the bell")
    async def ring(self, message: RingMessage) -> None:
        if self.gate is not None and message.payload == 0:
            await self.gate.go_through()
        if message.payload < 0:
            raise KeyError("A bell can't be rung less than not at all.")
        self.rung.append(message.payload)


@channel(name="chamber", description="A locked hall", tags=["tests"])
class ChamberConsumer(HallConsumer):
    authenticator_class = DenyingAuthenticator
    emits = [NoteWritten]


class HallCase(SocketTestCase):
    consumer = HallConsumer
    router = WebSocketOriginMiddleware(
        URLRouter(
            [path("hall/<str:name>/", HallConsumer.as_asgi()), path("chamber/<str:name>/", ChamberConsumer.as_asgi())]
        ),
        Lifespan(periodic=()),
    )

    def setUp(self) -> None:
        super().setUp()
        HallConsumer.rung.clear()

    async def write(self, *numbers: int) -> None:
        for number in numbers:
            await sync_to_async(self.write_note)(number)

    def write_note(self, number: int) -> None:
        with feeds.write("hall.1") as feed:
            feed.publish(NoteWritten.of(number))

    async def open(self, query: str = "") -> Page:
        return await self.open_page(f"/hall/hall.1/{query}")

    async def send_and_receive(self, page: Page, text: str) -> list[dict[str, Any]]:
        """Sends a frame and a ping; returns the frames received before the pong."""
        await page.communicator.send_input({"type": "websocket.receive", "text": text})
        await page.send('{"action": "ping", "ref": "behind"}')
        received = [await page.receive()]
        while received[-1].get("ref") != "behind":
            received.append(await page.receive())
        await page.receive_until("complete")
        return [frame for frame in received[:-1] if frame["action"] != "complete"]


class RefusalTests(HallCase):
    async def refusal(self, path: str, headers: list[tuple[bytes, bytes]] | None = None) -> tuple[dict[str, Any], int]:
        socket = await self.open_socket(path, headers=headers or [])
        return (await socket.receive())["payload"], await socket.close_code()

    async def test_a_refused_client_gets_the_reason_and_the_socket_closes(self) -> None:
        payload, code = await self.refusal("/chamber/hall.1/")

        assert (payload["statusCode"], payload["statusText"], code) == (401, "Unauthorized", 4401)
        assert payload["data"]["detail"]
        assert payload["data"]["seq"] is None

    async def test_a_broken_token_is_refused_also_where_nobody_needs_one(self) -> None:
        payload, code = await self.refusal("/hall/hall.1/", [(b"authorization", b"Bearer nonsense")])

        assert (payload["statusCode"], code) == (401, 4401)

    def test_an_authenticator_with_a_queryset_is_refused(self) -> None:
        with self.assertRaisesMessage(TypeError, "override find_object"):
            type("Careless", (LiveAuthenticator,), {"queryset": Feed.objects.all()})

    async def test_while_the_database_is_down_clients_get_the_time_to_retry(self) -> None:
        lost = OperationalError("connection refused")
        for where in ("live.feeds.read", "live.tests.test_live_consumer.OpenAuthenticator.find_object"):
            with self.subTest(where), mock.patch(where, side_effect=lost):
                payload, code = await self.refusal("/hall/hall.1/")

                assert (payload["statusCode"], code) == (503, 4503)

    async def test_since_has_to_be_a_number(self) -> None:
        for since in ("yesterday", "-1", "1.5", "9" * 40, "9" * 5000, "0x1"):
            with self.subTest(since[:10]):
                payload, code = await self.refusal(f"/hall/hall.1/?since={since}")

                assert (payload["statusCode"], code) == (400, 4400)

    async def test_frames_that_a_refused_client_has_already_sent_have_no_effect(self) -> None:
        communicator = self.create_communicator(ws_path="/chamber/hall.1/")
        await communicator.send_input({"type": "websocket.connect"})
        for _ in range(3):
            await communicator.send_to(text_data='{"action": "ring", "payload": 1}')

        socket = Page(communicator)
        assert (await communicator.receive_output(TIMEOUT))["type"] == "websocket.accept"
        assert (await socket.receive())["payload"]["statusCode"] == 401
        assert await socket.close_code() == 4401
        await communicator.send_to(text_data='{"action": "ring", "payload": 1}')
        assert await socket.receives_nothing()
        assert HallConsumer.rung == []

    async def test_a_refused_client_is_not_subscribed(self) -> None:
        socket = await self.open_socket("/chamber/hall.1/")
        await socket.close_code()

        await self.write(1)

        assert await socket.receives_nothing()


class HandshakeTests(HallCase):
    HOST = (b"host", b"testserver")

    async def connect_from(self, path: str, *headers: tuple[bytes, bytes], scheme: str = "ws") -> tuple[bool, Any]:
        communicator = self.create_communicator(ws_path=path, headers=list(headers))
        communicator.scope["scheme"] = scheme
        return await communicator.connect(TIMEOUT)

    async def test_unknown_addresses_are_refused_politely(self) -> None:
        assert await self.connect_from("/nowhere/") == (False, 4404)
        assert await self.connect_from("/hall/") == (False, 4404)

    async def test_foreign_pages_are_refused(self) -> None:
        for origin in (
            b"https://evil.example",
            b"http://testserver.evil.example",
            b"null",
            b"",
            b"http://testserver:99",
            b"http://[",
            b"https://testserver",  # the server uses plain HTTP here, and another scheme is another origin
        ):
            with self.subTest(origin):
                assert await self.connect_from("/hall/hall.1/", self.HOST, (b"origin", origin)) == (False, 4403)

    async def test_our_own_pages_and_those_of_trusted_sites_are_let_in(self) -> None:
        assert await self.connect_from("/hall/hall.1/", self.HOST, (b"origin", b"http://testserver")) == (True, None)
        with override_settings(CORS_ALLOWED_ORIGINS=["https://app.example"]):
            assert await self.connect_from("/hall/hall.1/", self.HOST, (b"origin", b"https://app.example")) == (
                True,
                None,
            )
            assert await self.connect_from("/hall/hall.1/", self.HOST, (b"origin", b"http://app.example")) == (
                False,
                4403,
            )

    async def test_behind_tls_a_page_without_tls_is_foreign(self) -> None:
        origins = (b"origin", b"https://testserver"), (b"origin", b"http://testserver")
        forwarded = (b"x-forwarded-proto", b"https")

        opened = [await self.connect_from("/hall/hall.1/", self.HOST, origin, scheme="wss") for origin in origins]
        with override_settings(SECURE_PROXY_SSL_HEADER=("HTTP_X_FORWARDED_PROTO", "https")):
            opened += [await self.connect_from("/hall/hall.1/", self.HOST, forwarded, origin) for origin in origins]

        assert opened == [(True, None), (False, 4403)] * 2

    async def test_a_page_is_known_by_its_cookie_and_a_program_is_not(self) -> None:
        cookie = await sync_to_async(self.session_cookie)()
        browser = [self.HOST, (b"origin", b"http://testserver"), cookie]

        page = await self.open_socket("/chamber/hall.1/", headers=browser)
        program = await self.open_socket("/chamber/hall.1/", headers=[self.HOST, cookie])

        assert (await page.receive())["payload"]["statusCode"] == 200
        assert (await program.receive())["payload"]["statusCode"] == 401

    def session_cookie(self) -> tuple[bytes, bytes]:
        client = Client()
        client.force_login(alice())
        return b"cookie", f"sessionid={client.cookies['sessionid'].value}".encode()


class NonsenseTests(HallCase):
    """An invalid frame gets one `error` frame, and the socket stays open."""

    async def test_an_invalid_frame_gets_one_error_and_the_socket_stays_open(self) -> None:
        page = await self.open()
        for text in (
            "no JSON",
            "",
            "{",
            "[]",
            "null",
            "7",
            '"ring"',
            "NaN",
            "1" * 5000,
            '{"payload": 1}',
            '{"action": "unknown"}',
            '{"action": 7}',
            '{"action": {"a": []}}',
            '{"action": "ring"}',
            '{"action": "ring", "payload": "often"}',
            '{"action": "ring", "payload": 1, "ref": 7}',
            '{"action": "\\ud800"}',
            "[" * 30_000 + "]" * 30_000,
            *('{"action":' + '{"a":' * depth + "1" + "}" * (depth + 1) for depth in (9000, 900, 400)),
            *('{"action": "ring", "x": ' + "[" * depth + "{}" + "]" * depth + "}" for depth in (900, 400)),
        ):
            with self.subTest(text[:40]):
                assert [frame["action"] for frame in await self.send_and_receive(page, text)] == ["error"]
        assert HallConsumer.rung == []

    async def test_a_binary_frame_gets_an_error(self) -> None:
        page = await self.open()

        await page.communicator.send_to(bytes_data=b'{"action": "ring", "payload": 1}')

        assert (await page.receive())["action"] == "error"
        assert await self.send_and_receive(page, '{"action": "ring", "payload": 2}') == []
        assert HallConsumer.rung == [2]

    async def test_a_failure_of_ours_gets_an_error_that_says_nothing_about_it(self) -> None:
        page = await self.open()

        (frame,) = await self.send_and_receive(page, '{"action": "ring", "payload": -1}')

        assert frame["action"] == "error"
        assert "bell" not in json.dumps(frame)

    async def test_a_frame_that_is_too_large_closes_the_socket(self) -> None:
        for size in (MAX_FRAME + 1, 10 * MAX_FRAME):
            page = await self.open()
            await page.send('"' + "x" * (size - 2) + '"')
            assert await page.close_code() == 1009

    async def test_the_size_is_counted_in_bytes(self) -> None:
        page = await self.open()

        await page.send('"' + "🍚" * (MAX_FRAME // 4) + '"')

        assert await page.close_code() == 1009

    async def test_the_largest_frame_is_read(self) -> None:
        page = await self.open()
        around = '{"action": "ring", "payload": 1, "x": ""}'

        assert await self.send_and_receive(page, around[:-2] + "x" * (MAX_FRAME - len(around)) + around[-2:]) == []

        assert HallConsumer.rung == [1]


class FrameTests(HallCase):
    async def test_a_ping_is_answered_with_its_ref(self) -> None:
        page = await self.open()

        await page.send('{"action": "ping", "ref": "a 🍚"}')
        pong = await page.receive()
        assert (pong["action"], pong["ref"], pong["version"]) == ("pong", "a 🍚", 1)
        await page.receive_until("complete")

        await page.send('{"action": "ping"}')
        pong = await page.receive()
        assert pong["action"] == "pong"
        assert "ref" not in pong

    async def test_an_error_carries_the_ref_of_what_it_is_about(self) -> None:
        page = await self.open()

        (frame,) = await self.send_and_receive(page, '{"action": "unknown", "ref": "mine"}')

        assert frame["ref"] == "mine"

    async def test_the_frames_of_one_client_are_handled_one_after_the_other(self) -> None:
        page, gate = await self.open(), Gate()

        with mock.patch.object(HallConsumer, "gate", gate):
            for number in range(20):
                await page.send(json.dumps({"action": "ring", "payload": number}))
            await gate.reached()
            assert HallConsumer.rung == []
            gate.open()
            await self.send_and_receive(page, '{"action": "ping"}')

        assert HallConsumer.rung == list(range(20))

    async def test_a_client_that_waits_does_not_keep_events_from_anybody(self) -> None:
        page, other, gate = await self.open(), await self.open(), Gate()

        with mock.patch.object(HallConsumer, "gate", gate):
            await page.send('{"action": "ring", "payload": 0}')
            await gate.reached()
            await self.write(7)
            assert (await page.receive())["seq"] == (await other.receive())["seq"] == 1
            gate.open()


class ReplayTests(HallCase):
    async def test_the_first_frame_has_the_head_of_the_feed(self) -> None:
        await self.write(7, 8)

        page = await self.open_socket("/hall/hall.1/")

        assert await page.receive() == {
            "action": "authentication",
            "payload": {"statusCode": 200, "statusText": "OK", "data": {"detail": "OK", "seq": 2}},
        }
        await self.write(9)
        assert await page.receive() == {"action": "note_written", "payload": {"number": 9}, "seq": 3}

    async def test_a_reconnecting_socket_gets_the_missed_events_and_then_live_ones(self) -> None:
        await self.write(7, 8, 9)

        page = await self.open_socket("/hall/hall.1/?since=1")
        assert (await page.receive())["payload"]["data"]["seq"] == 3
        await self.write(10)

        assert [(await page.receive())["seq"] for _ in range(3)] == [2, 3, 4]
        assert await page.receives_nothing()

    async def test_a_page_that_has_everything_gets_nothing(self) -> None:
        await self.write(7, 8)

        page = await self.open("?since=2")

        assert await page.receives_nothing()

    async def test_a_page_ahead_of_the_feed_fetches_again_and_continues_from_there(self) -> None:
        await self.write(7, 8)

        page = await self.open("?since=5")
        await self.write(9)

        assert await page.receive() == {"action": "resync", "payload": {"seq": 2}}
        assert (await page.receive())["seq"] == 3

    async def test_pruned_events_have_to_be_fetched_again(self) -> None:
        await self.write(7, 8, 9)
        await FeedEvent.objects.filter(seq=2).adelete()

        page = await self.open("?since=1")
        await self.write(10)

        assert await page.receive() == {"action": "resync", "payload": {"seq": 3}}
        assert (await page.receive())["seq"] == 4

    async def test_a_feed_that_nobody_has_written_to_stands_at_nothing(self) -> None:
        page = await self.open("?since=0")

        await self.write(7)

        assert (await page.receive())["seq"] == 1
        assert await Feed.objects.acount() == 1


class EventTests(HallCase):
    async def test_a_test_can_send_any_event_and_wait_until_it_is_through(self) -> None:
        page = await self.open()

        await HallConsumer.broadcast_event(NoteWritten.of(7), "hall.1")
        await HallConsumer.broadcast_event(NoteWritten.of(8), ["hall.1", "hall.2"])

        received = [*await page.receive_until("event_complete"), *await page.receive_until("event_complete")]
        assert [frame["action"] for frame in received] == ["note_written", "event_complete"] * 2
        assert received[0] == {"action": "note_written", "payload": {"number": 7}}

    async def test_other_groups_receive_nothing_of_it(self) -> None:
        page = await self.open_page("/hall/hall.2/")

        await HallConsumer.broadcast_event(NoteWritten.of(7), "hall.1")

        assert await page.receives_nothing()

    async def test_an_event_that_the_consumer_does_not_know_is_not_sent(self) -> None:
        page = await self.open()

        await HallConsumer.broadcast_event(RingMessage(payload=1), "hall.1")
        await self.write(7)

        assert (await page.receive())["action"] == "note_written"
