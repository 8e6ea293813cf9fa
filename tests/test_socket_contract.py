"""Every socket follows the AsyncAPI document, and the recorder detects violations."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any
from unittest import mock

import pytest
from asgiref.sync import sync_to_async
from django.db import OperationalError
from django.test import SimpleTestCase, override_settings

from accounts.models import User
from assistants.consumers.conversation_consumer import ConversationAssistantConsumer
from assistants.factories import AssistantConversationFactory
from asyncapi.close_codes import CLOSE_CODES
from asyncapi.document import build_document
from chat.models import ChatMember, GroupChat
from live.consumer import MAX_FRAME, LiveConsumer
from test_utils import socket_contract
from test_utils.auth_api_test_case import ws_headers
from test_utils.rights import address_of
from test_utils.socket_contract import Recorder
from test_utils.testing import TIMEOUT, Page, SocketTestCase
from tests.test_rights_matrix import SOCKETS, World

Provoke = Callable[[str], Awaitable[Page]]


class EverySocketCase(SocketTestCase):
    consumer = ConversationAssistantConsumer

    def setUp(self) -> None:
        super().setUp()
        world = World()
        self.alice, self.bob = world.users["owner"], world.users["member"]
        self.room: GroupChat = world.rows["chat"].room
        self.member = ChatMember.objects.get(group_chat=self.room, user=self.bob)
        self.topic = world.rows["discussion"].topic
        names = {channel["address"]: name for name, channel in build_document("testserver", "ws")["channels"].items()}
        # For each socket, the path of an object that Bob may open.
        self.paths = {
            names[address_of(route)]: world.path(
                route, "member", next(kind for kind in kinds if not kinds[kind]["member"])
            )
            for route, kinds in SOCKETS.items()
        }
        # This conversation belongs to Bob, so other users may not open it.
        self.paths["assistants"] = f"/ws/assistants/{AssistantConversationFactory.create(user=self.bob).pk}/"


class EverySocketTests(EverySocketCase):
    async def test_a_malformed_frame_gets_an_error_with_its_ref(self) -> None:
        for name, path in self.paths.items():
            with self.subTest(name):
                page = await self.open_page(path, by=self.bob)

                await page.send('{"action": "dance", "ref": "a"}')

                assert (await page.receive_until("error"))[-1]["ref"] == "a"

    async def test_a_ping_gets_a_pong_with_its_ref(self) -> None:
        for name, path in self.paths.items():
            with self.subTest(name):
                page = await self.open_page(path, by=self.bob)

                await page.send('{"action": "ping", "payload": null, "ref": "b"}')

                pong = (await page.receive_until("pong"))[-1]
                assert (pong["ref"], pong["version"]) == ("b", 1)

    async def test_a_ref_may_be_null(self) -> None:
        """Checks this because typed clients send null for a ref that they leave out."""
        requests = {
            "room": '{"action": "typing", "payload": {"isTyping": true}, "ref": null}',
            "topics": '{"action": "show_topics", "payload": {"topicIds": [1]}, "ref": null}',
        }
        for name, path in self.paths.items():
            with self.subTest(name):
                page = await self.open_page(path, by=self.bob)

                await page.send('{"action": "ping", "ref": null}')

                assert "ref" not in (await page.receive_until("pong"))[-1]
                if name in requests:
                    await page.receive_until("complete")
                    await page.send(requests[name])
                    assert "error" not in {frame["action"] for frame in await page.receive_until("complete")}

    async def test_every_request_may_leave_out_what_the_document_doesnt_require(self) -> None:
        room = await self.open_page(self.paths["room"], by=self.bob)
        for text in ('{"action": "typing", "ref": "c"}', '{"action": "typing", "payload": {}}'):
            await room.send(text)
            assert "error" not in {frame["action"] for frame in await room.receive_until("complete")}

        topics = await self.open_page(self.paths["topics"], by=self.bob)
        await topics.send('{"action": "show_topics", "payload": {"topicIds": [1]}, "ref": "d"}')
        assert [frame["action"] for frame in await topics.receive_until("complete")] == ["complete"]

    async def test_a_client_ahead_of_the_server_has_to_fetch_again(self) -> None:
        for name, path in self.paths.items():
            with self.subTest(name):
                page = await self.open_page(f"{path}?since=1000", by=self.bob)

                assert (await page.receive_until("resync"))[-1]["payload"] == {"seq": 0}


class ClosingTests(EverySocketCase):
    """Checks that each documented closing code occurs at every socket that lists it."""

    async def test_every_code_comes_as_documented(self) -> None:
        provoke: dict[int, Provoke] = {
            1009: self.send_too_large_a_frame,
            4400: lambda path: self.open_socket(f"{path}?since=yesterday", by=self.bob),
            4401: lambda path: self.open_socket(path, headers=[(b"authorization", b"Bearer nonsense")]),
            4408: self.stop_reading,
            4429: self.send_too_often,
            4503: self.lose_the_database,
        }
        for code, bring_about in provoke.items():
            for name, path in self.paths.items():
                with self.subTest(name, code=code):
                    page = await bring_about(path)

                    assert await page.close_code() == code

        elsewhere = {
            1012: "tests/faults: the server program sends it while it ends",
            1013: "below",
            4403: "below",
            4404: "below",
        }
        assert {closing.code for closing in CLOSE_CODES} == set(provoke) | set(elsewhere)

    async def lose_the_database(self, path: str) -> Page:
        with mock.patch("live.feeds.read", side_effect=OperationalError("connection refused")):
            page = await self.open_socket(path, by=self.bob)
            await page.receive()
        return page

    async def send_too_large_a_frame(self, path: str) -> Page:
        page = await self.open_page(path, by=self.bob)
        await page.send(json.dumps({"action": "ping", "ref": "x" * MAX_FRAME}))
        return page

    async def send_too_often(self, path: str) -> Page:
        page = await self.open_page(path, by=self.bob)
        with override_settings(LIVE_FRAMES_PER_MINUTE=0):
            await page.send('{"action": "ping"}')
            await page.communicator.receive_nothing(0.02)
        return page

    async def stop_reading(self, path: str) -> Page:
        given_up = asyncio.Event()
        original_close = LiveConsumer._close_slow_client

        async def give_up(consumer: LiveConsumer) -> None:
            given_up.set()
            await original_close(consumer)

        headers = await sync_to_async(ws_headers)(self.bob)
        communicator = self.create_communicator(ws_path=path, headers=headers)
        communicator._output_queue = asyncio.Queue(1)  # the frames between the server and the client
        with (
            override_settings(LIVE_SLOW_CLIENT_TIMEOUT=0.01),
            mock.patch.object(LiveConsumer, "_close_slow_client", give_up),
        ):
            await communicator.connect(TIMEOUT)
            await communicator.send_to('{"action": "ping"}')
            async with asyncio.timeout(TIMEOUT):
                await given_up.wait()
        return Page(communicator)

    async def test_a_lookup_that_fails_asks_to_come_back(self) -> None:
        page = await self.open_page(self.paths["room"], by=self.bob)

        with mock.patch("chat.consumers.chat_detail.in_database_thread", side_effect=OperationalError("gone")):
            await self.leave_room()
            assert await page.close_code() == 1013

    async def test_former_members_are_refused(self) -> None:
        page = await self.open_page(self.paths["room"], by=self.bob)

        await self.leave_room()

        assert await page.close_code() == 4403

    async def leave_room(self) -> None:
        left = await self.request("delete", f"/api/chat/{self.room.pk}/members/{self.member.pk}/", by=self.bob)
        assert left.status_code == 204

    async def test_objects_hidden_from_a_user_are_not_found(self) -> None:
        nobody = await sync_to_async(User.objects.create_user)("nobody@example.com", "password")
        await self.topic.adelete()
        for name in ("assistants", "room", "topic"):
            with self.subTest(name):
                page = await self.open_socket(self.paths[name], by=nobody)

                assert await page.close_code() == 4404


class RecorderTests(SimpleTestCase):
    """Checks that the recorder detects each kind of violation."""

    def setUp(self) -> None:
        self.recorder = Recorder()

    def open(self, path: str = "/ws/chat/7/", query: str = "") -> Any:
        record = self.recorder.record(path, query)
        assert record is not None
        return record

    def authenticated(self, path: str = "/ws/chat/7/", query: str = "") -> Any:
        record = self.open(path, query)
        record.on_sent(authentication(200, seq=5))
        return record

    def found(self) -> str:
        return "\n".join(self.recorder.take_problems())

    def test_an_action_of_another_channel_is_found(self) -> None:
        self.authenticated().on_sent(json.dumps({"action": "streaming", "payload": {}}))

        assert "room sends 'streaming', which the document doesn't name there" in self.found()

    def test_a_field_too_many_is_found(self) -> None:
        self.authenticated().on_sent(
            '{"action": "read", "payload": {"userId": 1, "messageId": 2, "email": "a@example.com"}}'
        )

        assert "email" in self.found()

    def test_a_field_too_few_is_found(self) -> None:
        self.authenticated().on_sent('{"action": "read", "payload": {"userId": 1}}')

        assert "messageId" in self.found()

    def test_another_type_is_found(self) -> None:
        self.authenticated().on_sent('{"action": "read", "payload": {"userId": "1", "messageId": 2}}')

        assert "payload.userId" in self.found()

    def test_a_number_that_is_skipped_or_told_twice_is_found(self) -> None:
        for seq in (7, 5):
            self.authenticated().on_sent(removed(seq))
            assert f"numbers an event {seq} after 5" in self.found()
        self.authenticated(query="since=2").on_sent(removed(6))
        assert "numbers an event 6 after 2" in self.found()
        self.authenticated().on_sent(removed(6))
        assert self.found() == ""

    def test_a_piece_of_an_answer_that_is_skipped_or_told_twice_is_found(self) -> None:
        for offset in (3, 1):
            page = self.authenticated("/ws/assistants/0b5f1f0e-8a53-4f0c-9d55-6f2f1f6a1c11/")
            page.on_sent(piece("ab", offset=0))
            page.on_sent(piece("c", offset=offset))
            assert f"goes on at {offset} with an answer of which 2 characters were told" in self.found()

    def test_a_reply_without_the_ref_is_found(self) -> None:
        page = self.authenticated()
        page.on_received('{"action": "ping", "ref": "a"}')
        page.on_sent('{"action": "pong", "payload": null}')

        assert "leaves out the ref 'a'" in self.found()

    def test_a_request_that_is_taken_although_it_isnt_documented_is_found(self) -> None:
        page = self.authenticated()
        page.on_received('{"action": "typing", "payload": {"isTyping": "yes"}}')
        page.on_handled()

        assert "takes a frame that is not as documented" in self.found()

    def test_a_request_that_is_refused_although_it_is_documented_is_found(self) -> None:
        page = self.authenticated()
        page.on_received('{"action": "typing", "payload": {"isTyping": true}}')
        page.on_sent('{"action": "error", "payload": {"detail": "No."}}')
        page.on_handled()

        assert "refuses a frame that is as documented" in self.found()

    def test_an_unknown_closing_code_is_found(self) -> None:
        self.authenticated("/ws/chat/group/").on_closed(4403)

        assert "rooms closes with 4403" in self.found()

    def test_a_refused_client_receives_nothing_more_and_gets_the_code_of_the_status(self) -> None:
        page = self.open()
        page.on_sent(authentication(404))
        page.on_sent(removed(1))
        page.on_closed(4401)

        assert "can't follow its `authentication`" in (found := self.found())
        assert "refuses with 404 and closes with 4401" in found

    def test_nothing_comes_before_the_authentication(self) -> None:
        self.open().on_sent(removed(1))

        assert "before `authentication`" in self.found()

    def test_the_test_that_caused_it_fails(self) -> None:
        hook = socket_contract.pytest_runtest_call(mock.Mock())
        next(hook)
        socket_contract.recorder.problems.append("room says nonsense")

        with pytest.raises(pytest.fail.Exception, match="room says nonsense"):
            next(hook)

    def test_statuses_that_no_test_received_are_listed(self) -> None:
        assert "room sends typing" in self.recorder.never_met()

        self.authenticated().on_sent('{"action": "typing", "payload": {"userId": 1, "user": "Bob", "isTyping": true}}')

        assert "room sends typing" not in self.recorder.never_met()


class RecordedTests(EverySocketCase):
    async def test_real_frames_are_listened_to(self) -> None:
        problems: list[str] = []
        with mock.patch.object(socket_contract.recorder, "problems", problems):
            page = await self.open_page(self.paths["room"], by=self.bob)
            with mock.patch("live.consumer.PongMessage", return_value=Nonsense()):
                await page.send('{"action": "ping"}')
                await page.receive_until("complete")

        assert problems
        assert "undocumented" in problems[0]


class Nonsense:
    """A message that no document contains."""

    def model_dump(self, **how: Any) -> dict[str, Any]:
        return {"action": "pong", "payload": None, "undocumented": True}


def authentication(status: int, seq: int | None = None) -> str:
    payload = {"statusCode": status, "statusText": "…", "data": {"detail": "…", "seq": seq}}
    return json.dumps({"action": "authentication", "payload": payload})


def removed(seq: int) -> str:
    payload = {"id": 1, "user": "Bob", "userPk": 1, "hasLeft": False}
    return json.dumps({"action": "member_removed", "payload": payload, "seq": seq})


def piece(content: str, *, offset: int) -> str:
    payload = {"content": content, "isComplete": False, "messageId": 1, "replyId": 2, "offset": offset}
    return json.dumps({"action": "streaming", "payload": payload})
