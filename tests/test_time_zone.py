"""Pages show times in the browser's time zone. The API and the sockets send the same times to all clients."""

from datetime import UTC, datetime

from django.test import Client, TestCase
from django.urls import reverse
from django.utils import timezone

from accounts.models import SignIn
from chat.factories import ChatMemberFactory, ChatMessageFactory
from chat.models import ChatMessage
from core.dates import formatted
from discussion.factories import DiscussionTopicFactory
from discussion.models import DiscussionTopic
from test_utils.users import alice

MOMENT = datetime(2026, 3, 4, 20, 30, tzinfo=UTC)  # in Tokyo this is 05:30 of the next day
NOT_ZONES = ("Mars/Olympus", "../../etc/passwd", "/etc/localtime", "", "x" * 5000, "Asia", "UTC+9\u00e9")


class TimeZoneTests(TestCase):
    def setUp(self) -> None:
        self.alice = alice()
        self.browser = Client()
        self.browser.force_login(self.alice)

    def test_an_invalid_time_zone_changes_nothing(self) -> None:
        for name in NOT_ZONES:
            with self.subTest(name[:20]):
                assert "20:30" in self.devices(name)

    def test_devices_are_shown_in_the_browsers_time_zone(self) -> None:
        page = self.devices("Asia/Tokyo")

        assert "5 Mar, 05:30" in page
        assert "20:30" not in page

    def test_rooms_and_the_forum_are_too(self) -> None:
        member = ChatMemberFactory.create(user=self.alice)
        message = ChatMessageFactory.create(group_chat=member.group_chat)
        topic = DiscussionTopicFactory.create()
        ChatMessage.objects.filter(pk=message.pk).update(created_at=MOMENT)
        DiscussionTopic.objects.filter(pk=topic.pk).update(created_at=MOMENT)
        self.browser.cookies["time_zone"] = "Asia/Tokyo"

        for path in (
            reverse("chat-group-detail", args=[member.group_chat_id]),
            reverse("discussion-detail", args=[topic.pk]),
        ):
            with self.subTest(path):
                self.assertContains(self.browser.get(path), "05:30")

    def test_the_next_request_on_the_same_thread_has_its_own(self) -> None:
        self.devices("Asia/Tokyo")

        assert timezone.get_current_timezone_name() == "UTC"
        assert "20:30" in self.devices("UTC")

    def test_the_api_returns_the_same_to_all(self) -> None:
        topic = DiscussionTopicFactory.create()
        DiscussionTopic.objects.filter(pk=topic.pk).update(created_at=MOMENT)
        self.browser.cookies["time_zone"] = "Asia/Tokyo"

        response = self.browser.get(f"/api/discussion/{topic.pk}/")

        assert response.json()["formattedCreatedAt"] == "4 Mar 2026, 20:30"

    def test_a_forms_event_is_the_same_for_all(self) -> None:
        with timezone.override("Asia/Tokyo"):
            assert formatted(MOMENT) == "4 Mar 2026, 20:30"

    def devices(self, time_zone: str) -> str:
        SignIn.objects.update(created_at=MOMENT, used_at=timezone.now())
        other, _ = SignIn.objects.get_or_create(user=self.alice, browser="Firefox on Linux")
        SignIn.objects.filter(pk=other.pk).update(used_at=MOMENT)
        self.browser.cookies["time_zone"] = time_zone
        return self.browser.get("/account").content.decode()
