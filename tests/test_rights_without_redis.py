"""A user whose permission ends receives nothing more, even if the channel layer is down or the client is slow."""

import asyncio
from unittest import mock

from asgiref.sync import sync_to_async

from accounts.services.sign_ins import sign_out
from assistants.consumers.conversation_consumer import ConversationAssistantConsumer
from assistants.factories import AssistantConversationFactory
from assistants.groups import conversation_feed
from assistants.messages.assistant import AnswerBlocksMessage, BlocksPayload
from assistants.models import AssistantConversation
from assistants.services.conversations import change_conversation, claim_conversations
from chat.services.members import add_member
from chat.services.rooms import create_room, hint_activity
from discussion.models import DiscussionTopic
from discussion.services.activity import hint_votes
from discussion.services.topics import create_topic
from live import hints, hub
from live.hub import current_hub
from live.send_queue import SendQueue
from live.tests.notes import RecordingLayer, layer_in_use
from test_utils.testing import TIMEOUT, Page, SocketTestCase
from test_utils.users import alice, bob, mallory


class RightsCase(SocketTestCase):
    consumer = ConversationAssistantConsumer

    def setUp(self) -> None:
        super().setUp()
        self.alice, self.bob, self.mallory = alice(), bob(), mallory()
        self.layer = RecordingLayer()
        self.enterContext(layer_in_use(self.layer))

    async def frames_until_closed(self, page: Page) -> tuple[list[str], int]:
        """Returns the frames that arrive before the socket is closed, and the closing code."""
        frames: list[str] = []
        while (output := await page.communicator.receive_output(TIMEOUT))["type"] != "websocket.close":
            frames.append(output["text"])
        return frames, output["code"]


class ClaimTests(RightsCase):
    def setUp(self) -> None:
        super().setUp()
        self.conversation: AssistantConversation = AssistantConversationFactory.create(user=None, title="Tea")

    @property
    def path(self) -> str:
        return f"/ws/assistants/{self.conversation.pk}/"

    def rename(self, title: str) -> None:
        change_conversation(AssistantConversation.objects.get(pk=self.conversation.pk), title=title)

    async def claim_unnoticed(self) -> None:
        """Claims the conversation for Alice while the layer is down, so that no process is notified."""
        self.layer.is_down = True
        await sync_to_async(claim_conversations)(self.alice, [self.conversation.pk])
        self.layer.is_down = False

    async def test_strangers_get_no_event_of_the_owner_after_a_claim_that_was_lost(self) -> None:
        visitor = await self.open_page(self.path)
        stranger = await self.open_page(self.path, by=self.mallory)
        await self.claim_unnoticed()

        await sync_to_async(self.rename)("SECRET")

        assert await self.frames_until_closed(visitor) == ([], 4401)
        assert await self.frames_until_closed(stranger) == ([], 4404)

    async def test_strangers_get_no_part_of_an_answer_after_a_claim_that_was_lost(self) -> None:
        visitor = await self.open_page(self.path)
        await self.claim_unnoticed()

        payload = BlocksPayload(message_id=1, reply_id=2, offset=0, length=6, html="SECRET")
        feed = conversation_feed(self.conversation.pk)
        hints.send(feed, "blocks", AnswerBlocksMessage(payload=payload), after=2)

        assert await self.frames_until_closed(visitor) == ([], 4401)  # the sweep runs as soon as the layer is back

    async def test_the_owner_keeps_listening(self) -> None:
        owner = await self.open_page(self.path, by=self.alice)
        await self.claim_unnoticed()

        await sync_to_async(self.rename)("Green tea")

        claimed, renamed = await owner.receive(), await owner.receive()
        assert claimed["action"] == "conversation_claimed"
        assert renamed["payload"]["title"] == "Green tea"

    async def test_claims_are_found_as_soon_as_the_layer_is_back_though_nothing_follows(self) -> None:
        with mock.patch.object(hub, "OUTAGE_CHECK_INTERVAL", 0.05):
            visitor = await self.open_page(self.path)
            await self.claim_unnoticed()

            assert await self.frames_until_closed(visitor) == ([], 4401)


@mock.patch.object(hub, "SWEEP_INTERVAL", 0.1)
class SweepTests(RightsCase):
    """Tests permissions that end without any message, so that only the sweep can detect it."""

    async def test_a_visitor_whose_conversation_has_an_owner_now_is_closed(self) -> None:
        conversation = await sync_to_async(AssistantConversationFactory.create)(user=None)
        visitor = await self.open_page(f"/ws/assistants/{conversation.pk}/")

        await AssistantConversation.objects.filter(pk=conversation.pk).aupdate(user=self.alice)

        assert await visitor.close_code() == 4401

    async def test_a_member_who_is_none_any_more_is_closed_and_others_stay(self) -> None:
        room = await sync_to_async(create_room)(self.alice, title="Rice")
        member = await sync_to_async(add_member)(room, user=self.bob, by=self.alice)
        bobs = await self.open_page(f"/ws/chat/{room.pk}/", by=self.bob)
        owners = await self.open_page(f"/ws/chat/{room.pk}/", by=self.alice)

        await sync_to_async(member.delete)()

        assert await bobs.close_code() == 4404
        await owners.send('{"action": "ping"}')
        await owners.receive_until("pong")

    async def test_a_topic_that_is_gone_is_closed(self) -> None:
        topic = await sync_to_async(create_topic)(self.alice, title="Which?", content="Tea")
        page = await self.open_page(f"/ws/discussion/{topic.pk}/", by=self.bob)

        await DiscussionTopic.objects.filter(pk=topic.pk).adelete()

        assert await page.close_code() == 4404


class SlowClientTests(RightsCase):
    """Tests sockets whose sign-out is known, but whose closing frame waits until a slow client reads."""

    async def test_signed_out_lists_get_no_hints_and_their_frames_are_not_handled(self) -> None:
        room = await sync_to_async(create_room)(self.alice, title="Rice")
        topic = await sync_to_async(create_topic)(self.alice, title="Which?", content="Tea")
        never = asyncio.Event()

        async def wait_for_ever(queue: SendQueue) -> None:
            await never.wait()

        pages = [await self.open_page(path, by=self.alice) for path in ("/ws/chat/group/", "/ws/discussion/")]
        with mock.patch.object(SendQueue, "flush", wait_for_ever):
            async for device in self.alice.sign_ins.all():
                await sync_to_async(sign_out)(device.pk)
                current_hub().connections.on_session_revoked(str(device.pk))

            await sync_to_async(hint_activity)(room, None)
            await sync_to_async(hint_votes)(topic)
            for page in pages:
                await page.send('{"action": "ping"}')
                assert await page.receives_nothing()
        never.set()
        for page in pages:
            assert await page.close_code() == 4401
