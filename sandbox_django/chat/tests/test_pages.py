import re
from datetime import timedelta
from html import unescape
from unittest import mock

from django.db import connection
from django.test import TestCase
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.factories.user import UserFactory
from accounts.models import User
from chat.factories import ChatMemberFactory, ChatMessageFactory, GroupChatFactory
from chat.groups import room_feed
from chat.models import ChatMember, ChatMessage, GroupChat
from chat.models.room import ChatRole
from chat.services.messages import post_message
from chat.tests.cases import ADMIN, MEMBER, OWNER, Room
from core.throttling import Limit
from live import feeds
from test_utils.cpu_contract import another_request
from test_utils.queries import assert_queries


class PageCase(Room, TestCase):
    """Requests the pages of a room with the owner Alice, the admin Carol and the member Bob."""

    def setUp(self) -> None:
        self.make_room()

    def page(self, part: str = "") -> str:
        return f"/chat/{self.room.pk}/{part}"

    def be(self, user: User) -> None:
        self.client.force_login(user)

    def role_of(self, user: User) -> int | None:
        return self.room.members.filter(user=user).values_list("chat_role", flat=True).first()


class WhoOpensARoomTests(PageCase):
    PAGES = ("", "members/", "settings/")

    def actions(self) -> tuple[str, ...]:
        bob = self.member.pk
        return ("delete/", "leave/", f"members/{bob}/", f"members/{bob}/remove/")

    def test_visitors_are_sent_to_the_login_page(self) -> None:
        for path in ("/chat/", "/chat/search/", *map(self.page, self.PAGES)):
            with self.subTest(path):
                self.assertRedirects(self.client.get(path), f"/login?next={path}", fetch_redirect_response=False)
        for action in self.actions():
            with self.subTest(action):
                assert self.client.post(self.page(action)).status_code == 302
        assert self.room.members.count() == 3

    def test_for_strangers_it_does_not_exist(self) -> None:
        self.be(self.mallory)

        for part in self.PAGES:
            with self.subTest(part):
                assert self.client.get(self.page(part)).status_code == 404
        for action in (*self.actions(), "members/", "settings/"):
            with self.subTest(action):
                data = {"chat_role": 2001, "user": "mallory@example.com", "title": "Mine"}
                assert self.client.post(self.page(action), data).status_code == 404
        assert self.room.members.count() == 3
        assert GroupChat.objects.get(pk=self.room.pk).title == "Rice"

    def test_nothing_is_done_by_following_a_link(self) -> None:
        self.be(self.alice)

        for action in self.actions():
            with self.subTest(action):
                assert self.client.get(self.page(action)).status_code == 405
        assert self.room.members.count() == 3

    def test_members_open_it(self) -> None:
        self.be(self.bob)

        for part in ("", "members/"):
            with self.subTest(part):
                assert self.client.get(self.page(part)).status_code == 200

    def test_settings_are_for_owners(self) -> None:
        for user in (self.bob, self.carol):
            with self.subTest(user):
                self.be(user)

                assert self.client.get(self.page("settings/")).status_code == 403
                assert self.client.post(self.page("settings/"), {"title": "Mine"}).status_code == 403
                assert self.client.post(self.page("delete/")).status_code == 403
        assert GroupChat.objects.get().title == "Rice"


class HomeTests(PageCase):
    def test_address_without_its_slash_leads_here(self) -> None:
        self.be(self.bob)

        self.assertRedirects(self.client.get("/chat"), "/chat/", status_code=301)

    def test_only_my_rooms_are_listed(self) -> None:
        GroupChatFactory.create(title="A secret")
        self.be(self.bob)

        response = self.client.get("/chat/")

        self.assertContains(response, "Rice")
        self.assertNotContains(response, "A secret")

    def test_rooms_stand_by_when_something_was_written_with_its_words_and_what_is_unread(self) -> None:
        later = GroupChatFactory.create(title="Knots")
        ChatMemberFactory.create(group_chat=later, user=self.bob)
        for content in ("One", "A **bowline**, of course"):
            post_message(self.room, content=content, by=self.alice)
        self.be(self.bob)

        page = self.client.get("/chat/").content.decode()

        assert page.index("Rice") < page.index("Knots")
        assert "Alice: A bowline, of course" in page
        assert "<span data-count>2</span>" in page
        assert "No messages yet" in page

    def test_badge_shows_no_more_than_99(self) -> None:
        self.be(self.bob)

        for last, badge in ((99, "99"), (100, "99+"), (12_345, "99+")):
            GroupChat.objects.update(last_number=last)
            self.assertContains(self.client.get("/chat/"), f"<span data-count>{badge}</span>")

    def test_deleted_text_is_not_shown_by_the_list(self) -> None:
        ChatMessageFactory.create(group_chat=self.room, author=self.alice, content="", content_html="", is_deleted=True)
        self.be(self.bob)

        self.assertContains(self.client.get("/chat/"), "Message deleted")

    def test_room_is_created_by_a_form(self) -> None:
        self.be(self.mallory)

        response = self.client.post("/chat/", {"title": "Knots"})

        made = GroupChat.objects.get(title="Knots")
        self.assertRedirects(response, f"/chat/{made.pk}/")
        assert made.members.get().user == self.mallory
        assert made.members.get().owns

    def test_description_of_a_new_room_is_kept(self) -> None:
        self.be(self.mallory)
        self.assertContains(self.client.post("/chat/", {"title": "Knots", "description": "x" * 2001}), "field__error")

        self.client.post("/chat/", {"title": "Knots", "description": "How to tie them"})

        assert GroupChat.objects.get(title="Knots").description == "How to tie them"

    def test_room_needs_a_name(self) -> None:
        self.be(self.mallory)

        for title in ("", "  ", "x" * 201):
            with self.subTest(title):
                self.assertContains(self.client.post("/chat/", {"title": title}), "field__error")
        assert GroupChat.objects.count() == 1

    def test_two_hundred_rooms_take_as_many_queries_as_one(self) -> None:
        self.be(self.bob)
        with assert_queries(4):  # session, user, head, rooms
            self.client.get("/chat/")
        rooms = GroupChatFactory.create_batch(200)
        ChatMember.objects.bulk_create(ChatMember(group_chat=room, user=self.bob) for room in rooms)
        ChatMessage.objects.bulk_create(
            ChatMessage(group_chat=room, number=1, author=self.alice, content="Hi", content_html="<p>Hi</p>")
            for room in rooms
        )

        with assert_queries(4):
            response = self.client.get("/chat/")

        self.assertContains(response, "Alice: Hi", count=200)


class RoomPageTests(PageCase):
    def post_message(self, content: str, *, by: User | None = None, ago: float = 0) -> ChatMessage:
        """Creates a message that was posted `ago` minutes ago."""
        then = timezone.now() - timedelta(minutes=ago)
        message: ChatMessage = ChatMessageFactory.create(
            group_chat=self.room, author=by or self.alice, content=content, content_html=f"<p>{content}</p>"
        )
        ChatMessage.objects.filter(pk=message.pk).update(created_at=then)
        return message

    def test_events_while_the_page_is_rendered_are_on_it_or_sent_later(self) -> None:
        def happen_first(name: str) -> int:
            if name == room_feed(self.room.pk):
                with another_request():
                    post_message(self.room, content="Said in between", by=self.alice)
            return head(name)

        head = feeds.head
        self.be(self.bob)
        with mock.patch("chat.views.page_views.feeds.head", happen_first):
            response = self.client.get(self.page())

        # The socket starts after the sequence number of the event, so the page has to show the message.
        self.assertContains(response, f'data-since="{feeds.head(room_feed(self.room.pk))}"')
        self.assertContains(response, "<p>Said in between</p>")

    def test_newest_messages_are_shown_oldest_first(self) -> None:
        for number in range(60):
            self.post_message(f"Number {number}.")
        ChatMember.objects.update(last_read_number=60)
        self.be(self.bob)

        page = self.client.get(self.page()).content.decode()

        assert re.findall(r"<p>Number (\d+)\.", page) == [str(number) for number in range(10, 60)]

    def shown(self, **query: int) -> list[int]:
        page = self.client.get(self.page(), query).content.decode()
        return [int(number) for number in re.findall(r"<p>Number (\d+)\.", page)]

    def test_room_with_unread_messages_opens_at_the_first_of_them(self) -> None:
        for number in range(1, 121):
            self.post_message(f"Number {number}.")
        ChatMember.objects.filter(user=self.bob).update(last_read_number=40)
        self.be(self.bob)

        assert self.shown() == list(range(16, 91))
        response = self.client.get(self.page())
        self.assertContains(response, "start_at_unread")
        self.assertContains(response, 'data-line="unread"', count=1)
        self.assertContains(response, 'data-last-number="120"')
        self.assertNotContains(response, "data-later hidden")
        assert ChatMember.objects.get(user=self.bob).last_read_number == 40, "opening it reads nothing"
        assert self.shown(at=ChatMessage.objects.get(number=100).pk) == list(range(76, 121)), (
            "a link goes where it says"
        )

    def test_own_and_deleted_messages_are_not_where_the_unread_begins(self) -> None:
        self.post_message("Number 1.")
        self.post_message("Number 2.", by=self.bob)
        deleted = self.post_message("")
        ChatMessage.objects.filter(pk=deleted.pk).update(content="", content_html="", is_deleted=True)
        ChatMember.objects.filter(user=self.bob).update(last_read_number=1)
        self.be(self.bob)

        self.assertNotContains(self.client.get(self.page()), "start_at_unread")
        self.post_message("Number 4.")
        page = self.client.get(self.page()).content.decode()
        assert page.index('data-line="unread"') < page.index("<p>Number 4.")
        assert page.index('data-line="unread"') > page.index("This message was deleted.")

    def test_messages_within_five_minutes_show_the_name_once(self) -> None:
        noon = timezone.now().replace(hour=12)
        for minutes, author in ((0, self.alice), (4, self.alice), (5, self.bob), (6, self.alice), (12, self.alice)):
            message = self.post_message("Hi", by=author)
            ChatMessage.objects.filter(pk=message.pk).update(created_at=noon + timedelta(minutes=minutes))
        ChatMember.objects.update(last_read_number=message.number)
        self.be(self.bob)

        page = self.client.get(self.page()).content.decode()

        rows = re.findall(r'class="(message[^"]*)" id="message-\d', page)
        assert ["message--first" in row for row in rows] == [True, False, True, True, True]

    def test_days_and_the_first_unread_are_marked(self) -> None:
        read = self.post_message("Old", ago=3 * 24 * 60)
        self.post_message("New")
        self.post_message("Newer")
        ChatMember.objects.filter(user=self.bob).update(last_read_number=read.number)
        self.be(self.bob)

        response = self.client.get(self.page())

        self.assertContains(response, "Today</time>", count=1)
        self.assertContains(response, 'data-line="unread"', count=1)
        page = response.content.decode()
        assert page.index("<p>Old</p>") < page.index('data-line="unread"') < page.index("<p>New</p>")

    def test_own_words_are_never_unread(self) -> None:
        self.post_message("Mine", by=self.bob)
        self.be(self.bob)

        self.assertNotContains(self.client.get(self.page()), 'data-line="unread"')

    def test_words_are_drawn_as_they_were_sanitised(self) -> None:
        post_message(self.room, content="**x** <script>alert(1)</script>", by=self.alice)
        self.be(self.bob)

        page = self.client.get(self.page()).content.decode()

        assert "<strong>x</strong> &lt;script&gt;" in page
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=", page)

    def test_deleted_message_keeps_its_place(self) -> None:
        ChatMessageFactory.create(group_chat=self.room, author=self.alice, content="", content_html="", is_deleted=True)
        self.be(self.bob)

        self.assertContains(self.client.get(self.page()), "This message was deleted.")

    def test_messages_stay_when_their_author_is_gone(self) -> None:
        self.post_message("I was here", by=self.mallory)
        User.objects.filter(pk=self.mallory.pk).delete()
        self.be(self.bob)

        response = self.client.get(self.page())

        self.assertContains(response, "I was here")
        self.assertContains(response, "Deleted user")

    def test_found_message_is_shown_with_what_was_written_around_it(self) -> None:
        posted = [self.post_message(f"Number {number}.") for number in range(100)]
        self.be(self.bob)

        response = self.client.get(self.page(f"?at={posted[50].pk}"))

        numbers = re.findall(r"<p>Number (\d+)\.", response.content.decode())
        assert numbers == [str(number) for number in range(26, 76)]
        self.assertContains(response, "message--found", count=1)
        self.assertNotContains(response, "data-later hidden")

    def test_place_that_makes_no_sense_is_the_newest(self) -> None:
        self.post_message("Hello")
        self.be(self.bob)

        for at in ("x", "-1", "٣", "9" * 30):
            with self.subTest(at):
                self.assertContains(self.client.get(self.page(), {"at": at}), "<p>Hello</p>")

    def test_page_asks_the_same_few_things_however_much_was_written(self) -> None:
        self.post_message("Hello")
        ChatMember.objects.update(last_read_number=10_001)
        self.be(self.bob)
        with assert_queries(9):  # session, user, 2 heads, membership, messages, senders, count, rooms
            self.client.get(self.page())
        users = [self.alice, self.bob, self.carol, self.mallory]
        ChatMessage.objects.bulk_create(
            ChatMessage(group_chat=self.room, number=n + 2, author=users[n % 4], content="x", content_html="x")
            for n in range(10_000)
        )
        GroupChat.objects.update(last_number=10_001)

        with assert_queries(9):
            self.client.get(self.page())
        ChatMember.objects.update(last_read_number=5_000)
        with assert_queries(12):  # also the first unread, and two queries each for messages and senders
            self.client.get(self.page())


class MembersPageTests(PageCase):
    def test_e_mails_are_for_those_who_manage(self) -> None:
        self.be(self.bob)
        self.assertNotContains(self.client.get(self.page("members/")), "alice@example.com")
        self.be(self.carol)
        self.assertContains(self.client.get(self.page("members/")), "alice@example.com")

    def add_kims(self) -> tuple[ChatMember, ChatMember]:
        """Adds two members whose names differ only in case and Unicode normal form."""
        kims = ("zoe\u0301 kim", "zoe@example.com"), ("Zo\u00e9 Kim", "other@example.com")
        first, second = (
            ChatMemberFactory.create(group_chat=self.room, user__display_name=name, user__email=email)
            for name, email in kims
        )
        return first, second

    def test_members_with_a_shared_name_are_distinguished_by_their_ids(self) -> None:
        kims = self.add_kims()
        self.be(self.bob)

        page = self.client.get(self.page("members/"))

        for kim in kims:
            self.assertContains(page, f'<span class="member__email">#{kim.user_id}</span>', html=True)
            self.assertNotContains(page, kim.user.email)
        self.assertContains(page, 'class="member__email"', count=3)  # the two members, and Bob's own e-mail

    def test_managers_see_the_e_mails_of_members_with_the_same_name(self) -> None:
        kims = self.add_kims()
        self.be(self.carol)

        page = self.client.get(self.page("members/"))

        for kim in kims:
            self.assertContains(page, f'aria-label="Options for {kim.user.display_name} ({kim.user.email})"')
        self.assertContains(page, 'aria-label="Options for Bob"')

    def test_a_name_in_use_is_confirmed_with_the_e_mail(self) -> None:
        bob = UserFactory.create(email="bob2@example.com", display_name="BOB")
        self.be(self.carol)

        added = self.client.post(self.page("members/"), {"user": bob.email}, follow=True)
        member = self.room.members.get(user=bob)
        removed = self.client.post(self.page(f"members/{member.pk}/remove/"), follow=True)

        self.assertContains(added, "BOB (bob2@example.com) is in the room now.")
        self.assertContains(removed, "BOB (bob2@example.com) is not in the room any more.")

    def test_messages_of_members_with_one_name_have_their_ids(self) -> None:
        first, second = self.add_kims()
        gone = UserFactory.create(display_name="Bob")
        for author in (first.user, second.user, self.bob, gone):
            ChatMessageFactory.create(group_chat=self.room, author=author)
        self.be(self.alice)

        page = self.client.get(self.page())

        for kim in (first, second):
            mark = f'<span class="message__namesake" data-namesake>#{kim.user_id}</span>'
            self.assertContains(page, mark, count=1, html=True)
        self.assertNotContains(page, f"#{self.bob.pk}<")
        self.assertNotContains(page, f"#{gone.pk}<")

    def test_members_can_not_add_users(self) -> None:
        self.be(self.bob)

        assert self.client.post(self.page("members/"), {"user": "mallory@example.com"}).status_code == 403
        assert self.role_of(self.mallory) is None

    def test_members_can_not_be_added_in_a_role_above_ones_own_or_an_unknown_one(self) -> None:
        self.be(self.carol)

        for role in (OWNER, 1, "x"):
            with self.subTest(role):
                response = self.client.post(self.page("members/"), {"user": "mallory@example.com", "role": role})
                self.assertContains(response, "field__error")
        assert self.role_of(self.mallory) is None

    def test_member_is_added_in_the_chosen_role(self) -> None:
        self.be(self.carol)

        self.client.post(self.page("members/"), {"user": "mallory@example.com", "role": ADMIN})

        assert self.role_of(self.mallory) == ADMIN

    def test_admin_adds_somebody_by_e_mail(self) -> None:
        self.be(self.carol)

        response = self.client.post(self.page("members/"), {"user": "mallory@example.com"}, follow=True)

        self.assertContains(response, "Mallory is in the room now.")
        assert self.role_of(self.mallory) == MEMBER

    def test_errors_are_shown_in_place(self) -> None:
        self.be(self.carol)

        for email, words in (
            ("nobody@example.com", "No account uses this e-mail"),
            ("bob@example.com", "They&#x27;re already in this room."),
            ("bob", "This isn&#x27;t a valid e-mail address."),
        ):
            with self.subTest(email):
                response = self.client.post(self.page("members/"), {"user": email})

                self.assertContains(response, words)
                self.assertContains(response, f'value="{email}"')

    def test_roles_are_changed_by_those_who_may(self) -> None:
        for user, member, role, then in (
            (self.bob, self.member, ADMIN, MEMBER),  # Bob tries to raise his own role
            (self.carol, self.member, OWNER, MEMBER),  # Carol tries to give a role above her own
            (self.carol, self.member, ADMIN, ADMIN),
            (self.alice, self.member, MEMBER, MEMBER),
            (self.alice, self.owner, ADMIN, OWNER),  # Alice is the last owner
        ):
            with self.subTest(user=user, role=role):
                self.be(user)

                response = self.client.post(self.page(f"members/{member.pk}/"), {"chat_role": role})

                self.assertRedirects(response, self.page("members/"))
                assert self.role_of(member.user) == then

    def test_unknown_role_is_malformed(self) -> None:
        self.be(self.alice)

        for role in ("1", "x", ""):
            assert self.client.post(self.page(f"members/{self.member.pk}/"), {"chat_role": role}).status_code == 400
        assert self.role_of(self.bob) == MEMBER

    def test_owner_transfers_the_room(self) -> None:
        self.be(self.alice)

        self.client.post(self.page(f"members/{self.member.pk}/"), {"hand_over": "1"})

        assert (self.role_of(self.bob), self.role_of(self.alice)) == (OWNER, ADMIN)

    def test_owners_and_admins_remove_a_member(self) -> None:
        self.be(self.bob)
        response = self.client.post(self.page(f"members/{self.admin.pk}/remove/"), follow=True)
        self.assertContains(response, "Only owners and admins can do this.")
        assert self.role_of(self.carol) == ADMIN

        self.be(self.carol)
        response = self.client.post(self.page(f"members/{self.member.pk}/remove/"), follow=True)

        self.assertContains(response, "Bob is not in the room any more.")
        assert self.role_of(self.bob) is None

    def test_member_of_another_room_is_not_found_here(self) -> None:
        elsewhere = ChatMemberFactory.create(user=self.mallory)
        self.be(self.alice)

        for action in ("", "remove/"):
            path = self.page(f"members/{elsewhere.pk}/{action}")
            assert self.client.post(path, {"chat_role": ChatRole.MEMBER}).status_code == 404
        assert ChatMember.objects.filter(pk=elsewhere.pk).exists()

    def test_member_leaves(self) -> None:
        self.be(self.bob)

        response = self.client.post(self.page("leave/"), follow=True)

        self.assertContains(response, "You have left “Rice”.")
        assert self.role_of(self.bob) is None

    def test_last_owner_stays(self) -> None:
        self.be(self.alice)

        response = self.client.post(self.page("leave/"), follow=True)

        self.assertContains(response, "A room needs an owner.")
        assert self.role_of(self.alice) == OWNER

    def test_many_members_take_as_many_queries_as_few(self) -> None:
        self.be(self.alice)
        ChatMemberFactory.create_batch(30, group_chat=self.room)

        with assert_queries(7):  # session, user, two heads, membership, members, rooms
            self.client.get(self.page("members/"))


class SettingsPageTests(PageCase):
    def test_owner_changes_title_and_description(self) -> None:
        self.be(self.alice)

        response = self.client.post(
            self.page("settings/"), {"title": "Rice, and more", "description": "Grains."}, follow=True
        )

        self.assertContains(response, "Saved.")
        room = GroupChat.objects.get()
        assert (room.title, room.description) == ("Rice, and more", "Grains.")

    def test_refused_title_is_not_drawn_as_the_rooms(self) -> None:
        self.be(self.alice)

        response = self.client.post(self.page("settings/"), {"title": ""})

        self.assertContains(response, "This is required.")
        self.assertContains(response, "Settings · Rice")

    def test_owner_deletes_the_room(self) -> None:
        self.be(self.alice)

        response = self.client.post(self.page("delete/"), follow=True)

        self.assertContains(response, "“Rice” is deleted.")
        assert not GroupChat.objects.exists()


class SearchTests(PageCase):
    def search(self, words: str) -> str:
        return self.client.get("/chat/search/", {"q": words}).content.decode()

    def post_message(self, content: str, room: GroupChat | None = None) -> ChatMessage:
        return post_message(room or self.room, content=content, by=self.alice)

    def test_messages_of_other_rooms_are_not_found(self) -> None:
        elsewhere = GroupChatFactory.create(title="Secret bowline")
        ChatMemberFactory.create(group_chat=elsewhere, user=self.alice)
        self.post_message("A bowline, of course", elsewhere)
        self.be(self.bob)

        assert "of course" not in self.search("bowline")
        assert "Secret" not in self.search("bowline")

    def test_message_with_all_words_leads_to_its_place(self) -> None:
        found = self.post_message("A **bowline**, of course")
        self.post_message("A reef knot")
        self.post_message("Thank you")  # the sidebar shows this message instead
        self.be(self.bob)

        page = self.search("BOWL course")

        assert f'href="/chat/{self.room.pk}/?at={found.pk}#message-{found.pk}"' in page
        assert "A <mark>bowl</mark>ine, of <mark>course</mark>" in page
        assert "reef" not in page

    def test_words_are_text(self) -> None:
        self.post_message("a <b>bold</b> word & more")
        self.be(self.bob)

        assert "&lt;<mark>b</mark>&gt;" in self.search("b")
        for words in ("<script>", "' | & ! :*", "%", "a & !b", "\\", "((("):
            with self.subTest(words):
                assert "<script>" not in self.search(words)

    def test_deleted_and_changed_words_are_not_found(self) -> None:
        self.client.force_login(self.bob)
        message = self.post_message("A bowline")
        ChatMessage.objects.filter(pk=message.pk).update(content="", content_html="", is_deleted=True)

        assert "No messages match" in self.search("bowline")

    def test_rooms_are_found_by_their_title(self) -> None:
        self.be(self.bob)

        assert f'<a class="found__item" href="/chat/{self.room.pk}/">' in self.search("ric")

    def test_many_results_take_as_many_queries_as_one(self) -> None:
        self.be(self.bob)
        self.post_message("Hello")
        with CaptureQueriesContext(connection) as for_one:
            self.search("hello")
        for _ in range(30):
            self.post_message("Hello")

        with assert_queries(len(for_one)):
            assert self.search("hello").count("<mark>Hello</mark>") == 31

    def test_more_results_than_a_page_has_continue_with_older_ones(self) -> None:
        self.be(self.bob)
        posted = [self.post_message(f"Hello {number}").pk for number in range(7)]
        self.post_message("Nothing")

        seen: list[int] = []
        path: str | None = "/chat/search/?q=hello"
        with mock.patch("chat.services.search.FOUND_ON_PAGE", 3):
            while path:
                page = self.client.get(path).content.decode()
                seen += [int(pk) for pk in re.findall(r"\?at=(\d+)#", page)]
                older = re.search(r'href="(\?[^"]+)" data-older', page)
                path = f"/chat/search/{unescape(older[1])}" if older else None
        assert seen == posted[::-1]

    def test_a_search_compares_a_bounded_number_of_messages_and_continues_with_older_ones(self) -> None:
        self.be(self.bob)
        needle = self.post_message("测试")  # too short for the trigram index
        for number in range(6):
            self.post_message(f"Hay {number}")

        with (
            mock.patch("chat.services.search.COMPARED_FIRST", 2),
            mock.patch("chat.services.search.MAX_COMPARED", 4),
        ):
            newest = self.search("测试")
            older = re.search(r'href="(\?[^"]+)" data-older', newest)
            assert older is not None
            assert "found__item" not in newest
            found = self.client.get(f"/chat/search/{unescape(older[1])}").content.decode()
        assert f"?at={needle.pk}#" in found
        assert "data-older" not in found

    def test_odd_places_to_continue_from_are_ignored(self) -> None:
        self.be(self.bob)
        self.post_message("Hello")

        for before in ("", "x", "-1", "9" * 5000):
            with self.subTest(before[:9]):
                response = self.client.get("/chat/search/", {"q": "hello", "before": before})
                self.assertContains(response, "<mark>Hello</mark>")

    def test_searching_too_often_is_refused_in_words(self) -> None:
        self.be(self.bob)
        none = Limit("chat searches", times=0, seconds=60)

        with self.settings(LIMITS=True), mock.patch("chat.views.page_views.SEARCHES", none):
            assert self.client.get("/chat/search/").status_code == 200
            response = self.client.get("/chat/search/", {"q": "hello"})

        self.assertContains(response, "Try again in", status_code=429)
