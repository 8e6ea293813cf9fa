"""A visitor who signs in becomes the owner of the browser's own conversations, and of no others."""

from datetime import timedelta
from typing import Any

from asgiref.sync import sync_to_async
from django.core.management import call_command
from django.test import Client, TransactionTestCase
from django.urls import reverse
from django.utils import timezone

from assistants.consumers.conversation_consumer import ConversationAssistantConsumer
from assistants.factories import AssistantConversationFactory, QuestionFactory
from assistants.groups import conversation_feed
from assistants.messages.assistant import ConversationUpdated
from assistants.models import AssistantConversation
from live import feeds
from live.models import Feed
from test_utils.testing import SocketTestCase
from test_utils.users import alice, mallory


def start_in(browser: Client, **data: str) -> AssistantConversation:
    response = browser.post(reverse("create-anonymous-conversation"), data, content_type="application/json")
    assert response.status_code == 201, response.content
    return AssistantConversation.objects.get(pk=response.json()["id"])


def sign_in(browser: Client, email: str = "alice@example.com") -> None:
    response = browser.post("/login", {"username": email, "password": "password"})
    assert response.status_code == 302, response.content


class KeepingTests(TransactionTestCase):
    def setUp(self) -> None:
        self.alice, self.mallory = alice(), mallory()
        self.browser = Client()

    def test_another_users_browser_keeps_none_of_my_conversations(self) -> None:
        conversation = start_in(self.browser)

        sign_in(Client(), "mallory@example.com")

        conversation.refresh_from_db()
        assert conversation.is_anonymous

    def test_a_cookie_that_we_did_not_sign_claims_nothing(self) -> None:
        conversation = AssistantConversationFactory.create(user=None)
        self.browser.cookies["conversations"] = f'["{conversation.pk.hex}"]'

        sign_in(self.browser)

        conversation.refresh_from_db()
        assert conversation.is_anonymous

    def test_conversations_claimed_by_another_user_stay_theirs(self) -> None:
        conversation = start_in(self.browser)
        AssistantConversation.objects.filter(pk=conversation.pk).update(user=self.mallory)

        sign_in(self.browser)

        conversation.refresh_from_db()
        assert conversation.user == self.mallory

    def test_visitors_who_sign_in_keep_the_conversations_of_this_browser(self) -> None:
        conversations = [start_in(self.browser), start_in(self.browser)]

        sign_in(self.browser)

        assert {c.pk for c in AssistantConversation.objects.owned_by(self.alice)} == {c.pk for c in conversations}

    def test_visitors_who_register_keep_them_too(self) -> None:
        conversation = start_in(self.browser)
        user: dict[str, Any] = {"email": "new@example.com", "display_name": "New"}

        self.browser.post("/register", user | {"password1": "sea-and-sand-7", "password2": "sea-and-sand-7"})

        conversation.refresh_from_db()
        assert conversation.user is not None
        assert conversation.user.email == "new@example.com"


class ShutOutTests(SocketTestCase):
    consumer = ConversationAssistantConsumer

    async def test_other_clients_are_disconnected_when_a_user_claims_the_conversation(self) -> None:
        browser = Client()
        user = await sync_to_async(alice)()
        conversation = await sync_to_async(start_in)(browser)
        path = f"/ws/assistants/{conversation.pk}/"
        visitor = await self.open_page(path)
        stranger = await self.open_page(path, by=await sync_to_async(mallory)())
        mine = await self.open_page(path, by=user)

        await sync_to_async(sign_in)(browser)

        assert await visitor.close_code() == 4401
        assert await stranger.close_code() == 4404
        claimed = await mine.receive()
        assert (claimed["action"], claimed["payload"]["userId"]) == ("conversation_claimed", user.pk)
        assert await mine.receives_nothing()

    async def test_pages_of_a_deleted_conversation_are_closed(self) -> None:
        user = await sync_to_async(alice)()
        conversation = await sync_to_async(AssistantConversationFactory.create)(user=user)
        page = await self.open_page(f"/ws/assistants/{conversation.pk}/", by=user)

        response = await self.request("DELETE", f"/api/assistants/conversations/{conversation.pk}/", by=user)

        assert response.status_code == 204
        assert await page.close_code() == 4404


class LeftBehindTests(TransactionTestCase):
    def test_abandoned_conversations_are_deleted_with_their_feeds(self) -> None:
        old = timezone.now() - timedelta(days=31)
        left, touched = AssistantConversationFactory.create_batch(2, user=None)
        owned = AssistantConversationFactory.create(user=alice())
        for conversation in (left, touched, owned):
            QuestionFactory.create(conversation=conversation)
            with feeds.write(conversation_feed(conversation.pk)) as feed:
                feed.publish(ConversationUpdated.of(conversation))
        AssistantConversation.objects.filter(pk__in=[left.pk, owned.pk]).update(updated_at=old)

        call_command("delete_abandoned_conversations", verbosity=0)

        assert set(AssistantConversation.objects.all()) == {touched, owned}
        assert set(Feed.objects.values_list("name", flat=True)) == {
            conversation_feed(touched.pk),
            conversation_feed(owned.pk),
        }
