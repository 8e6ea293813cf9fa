"""Tests the admin: who may open it, which data it hides, and that its actions have the same effect as the site's."""

import re
import time
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from typing import Any
from unittest import mock

import pytest
from asgiref.sync import sync_to_async
from django.apps import apps
from django.conf import settings
from django.contrib import admin
from django.contrib.admin import ModelAdmin
from django.contrib.admin.models import CHANGE, DELETION, LogEntry
from django.contrib.auth.models import Group, Permission
from django.contrib.sessions.models import Session
from django.core import mail
from django.db import connection, transaction
from django.db.models import Model
from django.test import Client, TestCase, TransactionTestCase
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.factories.user import UserFactory
from accounts.models import SignIn, User
from assistants.factories import AnswerFactory, AssistantConversationFactory
from assistants.llm.errors import ModelProblem, ModelUnavailable
from assistants.models import AssistantConversation, AssistantMessage, TokenSpending
from assistants.models.assistant_message import Status
from chat.consumers.chat_detail import ChatDetailConsumer
from chat.factories import ChatMemberFactory, ChatMessageFactory
from chat.groups import room_feed, user_feed
from chat.models import ChatMember, ChatMessage, GroupChat
from chat.services.members import remove_member_as_staff, transfer_ownership_as_staff
from chat.services.messages import delete_message_as_staff, post_message
from chat.services.rooms import delete_room_as_staff
from chat.tests.cases import ADMIN, MEMBER, OWNER, Room
from core.admin import BoundedPaginator
from core.errors import NotAllowed
from core.models import IdempotencyKey, PeriodicJob, RateLimitCount
from discussion.factories import DiscussionReplyFactory, DiscussionTopicFactory
from discussion.groups import LIST, topic_feed
from discussion.models import (
    DiscussionReply,
    DiscussionTopic,
    Notification,
    ReplyEdit,
    ReplyVote,
    Tag,
    TopicEdit,
    TopicView,
    TopicVote,
)
from live import feeds
from live.messages import ResyncMessage, ResyncPayload
from live.models import Feed, FeedEvent, FeedFloor
from test_utils.openai_test_utils import scripted_model
from test_utils.testing import SocketTestCase
from test_utils.users import alice, bob

SOURCE = str(settings.BASE_DIR / "sandbox_django")
OURS = [app.label for app in apps.get_app_configs() if app.path.startswith(SOURCE) and [*app.get_models()]]
PRIVATE = "what-nobody-else-may-read"

MODELS: list[type[Model]] = [
    *(User, SignIn, Group, LogEntry, Feed, FeedEvent, FeedFloor, IdempotencyKey, PeriodicJob, RateLimitCount),
    *(AssistantConversation, AssistantMessage, TokenSpending, GroupChat, ChatMember, ChatMessage),
    *(DiscussionTopic, DiscussionReply, TopicVote, ReplyVote, TopicEdit, ReplyEdit, TopicView, Tag, Notification),
]
# The admin never deletes these rows, since other rows count them or depend on their numbers.
KEPT: list[type[Model]] = [
    *(
        LogEntry,
        Feed,
        FeedEvent,
        FeedFloor,
        IdempotencyKey,
        PeriodicJob,
        RateLimitCount,
        AssistantMessage,
        TokenSpending,
    ),
    *(TopicVote, ReplyVote, TopicEdit, ReplyEdit, TopicView, Tag, Notification),
]


def page_of(model: type[Model], page: str = "changelist", obj: Model | None = None) -> str:
    args = [obj.pk] if obj else []
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


def first(model: type[Model]) -> Model:
    obj = model._default_manager.order_by("pk").first()
    assert obj is not None, f"the test has no {model.__name__}"
    return obj


def admin_of(model: type[Model]) -> ModelAdmin[Any]:
    return admin.site.get_model_admin(model)


class World:
    """Creates one row of every model, each belonging to Alice. `grow` adds another row of each."""

    def __init__(self) -> None:
        self.alice, self.bob = alice(), bob()
        self.conversation = AssistantConversationFactory.create(user=self.alice)
        self.member = ChatMemberFactory.create(user=self.alice, chat_role=OWNER)
        self.room = self.member.group_chat
        self.topic = DiscussionTopicFactory.create(author=self.alice, title="Lapsang or not?")
        self.reply = DiscussionReplyFactory.create(topic=self.topic, author=self.bob)
        self.group = Group.objects.create(name="Moderators")
        self.count = 0

    def grow(self) -> None:
        self.count += 1
        user = UserFactory.create()
        SignIn.objects.create(user=self.alice, browser="Firefox", refresh_id=f"refresh-secret-{self.count}")
        answer = AnswerFactory.create(question__conversation=self.conversation, content=PRIVATE, status=Status.FAILED)
        AssistantConversationFactory.create(user=self.alice, title=f"Talk {self.count}")
        TokenSpending.objects.create(quota_key=f"person {user.pk}", day=answer.created_at.date())
        ChatMemberFactory.create(group_chat=self.room, user=user)
        ChatMemberFactory.create(user=self.alice, chat_role=OWNER)
        ChatMessageFactory.create(group_chat=self.room, author=self.alice, content=PRIVATE)
        reply = DiscussionReplyFactory.create(topic=self.topic, author=self.alice)
        topic = DiscussionTopicFactory.create(author=self.alice)
        topic.tags.add(Tag.objects.create(name=f"tag-{self.count}"))
        for one in (topic, self.topic):
            TopicVote.objects.create(topic=one, user=user, value=1)
            TopicEdit.objects.create(topic=one, editor=self.alice, content="Before", title="Before")
            TopicView.objects.create(topic=one, visitor=f"user {user.pk}", day=timezone.localdate())
        for answered in (reply, self.reply):
            ReplyVote.objects.create(reply=answered, user=user, value=1)
            ReplyEdit.objects.create(reply=answered, editor=self.alice, content="Before")
        Notification.objects.create(user=self.alice, actor=user, topic=topic, reply=reply, kind="reply")
        self.log(user)

    def log(self, user: User) -> None:
        for name in (room_feed(self.room.pk), f"feed.{self.count}"):
            with feeds.write(name) as feed:
                feed.publish(ResyncMessage(payload=ResyncPayload(seq=self.count)))
        FeedEvent.objects.update(frame=f'{{"action":"member_message","payload":{{"content":"{PRIVATE}"}}}}')
        IdempotencyKey.objects.create(digest=f"digest-{self.count}", body_digest="body", status=201, answer=PRIVATE)
        now = timezone.now()
        FeedFloor.objects.create(head=self.count)
        PeriodicJob.objects.create(name=f"job {self.count}", due_at=now, holder="one", lease_expires_at=now)
        RateLimitCount.objects.create(digest=f"digest-{self.count}", count=1, expires_at=time.time() + 60)
        LogEntry.objects.log_actions(self.alice.pk, [user, self.alice, self.topic], CHANGE, "Closed.")
        Group.objects.create(name=f"Group {self.count}")
        user.groups.add(self.group)


class WorldCase(TestCase):
    world: World
    admin: User

    @classmethod
    def setUpTestData(cls) -> None:
        cls.world = World()
        cls.world.grow()
        cls.admin = User.objects.create_superuser("admin@example.com", "password")

    def sign_in(self, *permissions: str) -> User:
        """Signs in as a staff user with exactly these permissions."""
        staff: User = UserFactory.create(is_staff=True)
        staff.user_permissions.set(
            [permission for permission in Permission.objects.all() if self.is_one_of(permission, permissions)]
        )
        self.client.force_login(staff)
        return staff

    @staticmethod
    def is_one_of(permission: Permission, names: tuple[str, ...]) -> bool:
        return permission.codename in names or permission.codename.partition("_")[0] in names


class RefusalTests(WorldCase):
    def pages(self) -> Iterator[str]:
        for model in MODELS:
            yield page_of(model)
            yield page_of(model, "add")
            for page in ("change", "history", "delete"):
                yield page_of(model, page, first(model))
        yield reverse("admin:auth_user_password_change", args=[self.world.alice.pk])

    def actions(self) -> Iterator[tuple[type[Model], str]]:
        for model in MODELS:
            names: Any = admin_of(model).actions
            for name in {"delete_selected", *names}:
                yield model, name

    def try_everything(self) -> None:
        """Submits each action with its confirmation, and the form of each page. None of them may have any effect."""
        before = self.everything()
        for model, name in self.actions():
            chosen = {"action": name, "_selected_action": [first(model).pk], "post": "yes"}
            self.client.post(page_of(model), chosen)
        for page in self.pages():
            self.client.post(page, {"post": "yes"})
        assert self.everything() == before

    def everything(self) -> dict[str, list[dict[str, Any]]]:
        mine = {Session, Permission}
        return {
            model._meta.label: list(model._default_manager.order_by("pk").values())
            for model in apps.get_models()
            if model not in mine and not (model is LogEntry and self.reads_are_noted)
        }

    reads_are_noted = False

    def test_visitors_are_asked_to_sign_in(self) -> None:
        for page in self.pages():
            assert self.client.get(page).url.startswith("/admin/login/"), page  # type: ignore[attr-defined]  # it leads elsewhere
        self.try_everything()

    def test_users_who_are_not_staff_get_no_further(self) -> None:
        self.client.force_login(self.world.bob)

        for page in self.pages():
            assert self.client.get(page).url.startswith("/admin/login/"), page  # type: ignore[attr-defined]  # it leads elsewhere
        self.try_everything()

    def test_staff_without_permissions_see_and_do_nothing(self) -> None:
        self.sign_in()

        for page in self.pages():
            assert self.client.get(page).status_code == 403, page
        self.try_everything()
        assert "have permission to view or edit anything" in self.client.get("/admin/").content.decode()

    def test_staff_with_view_permission_change_nothing(self) -> None:
        self.sign_in("view")
        self.reads_are_noted = True

        for model in MODELS:
            assert self.client.get(page_of(model)).status_code == 200
            assert b"confirm-action" not in self.client.get(page_of(model, "change", first(model))).content
        self.try_everything()

    def test_history_is_closed_to_other_users(self) -> None:
        self.client.force_login(self.admin)

        for model in MODELS:
            if model not in (User, Group):
                assert self.client.get(page_of(model, "add")).status_code == 403, model
                assert b"_save" not in self.client.get(page_of(model, "change", first(model))).content, model
        for model in KEPT:
            page = page_of(model, "delete", first(model))
            assert self.client.post(page, {"post": "yes"}).status_code == 403, model

    def test_staff_who_manage_users_gain_no_permissions(self) -> None:
        staff = self.sign_in("view_user", "add_user", "change_user", "delete_user")
        rights = {"is_staff": "on", "is_superuser": "on", "is_active": "on"}
        bob = {"email": "bob@example.com", "display_name": "Bobby", **rights}

        self.client.post(page_of(User, "change", self.world.bob), bob)
        for user in (staff, self.admin):
            assert self.client.post(page_of(User, "change", user), {**bob, "email": "x@y.org"}).status_code == 403
            assert self.client.get(page_of(User, "delete", user)).status_code == 403
            password = reverse("admin:auth_user_password_change", args=[user.pk])
            assert self.client.get(password).status_code == 403
            chosen = {"_selected_action": [user.pk], "post": "yes"}
            self.client.post(page_of(User), {"action": "switch_off", **chosen})
            self.client.post(page_of(User), {"action": "delete_selected", **chosen})

        self.world.bob.refresh_from_db()
        assert self.world.bob.display_name == "Bobby"
        assert (self.world.bob.is_staff, self.world.bob.is_superuser) == (False, False)
        assert set(User.objects.filter(is_active=True, is_staff=True)) == {staff, self.admin}

    def test_nothing_is_done_to_more_than_a_page(self) -> None:
        self.client.force_login(self.admin)
        chosen = {"_selected_action": [first(GroupChat).pk], "select_across": "1", "post": "yes"}

        response = self.client.post(page_of(GroupChat), {"action": "delete_selected", **chosen}, follow=True)

        assert b"more than one page" in response.content
        assert GroupChat.objects.count() == 2


@pytest.mark.timeout(600)  # these tests open hundreds of pages
class EveryPageTests(WorldCase):
    def setUp(self) -> None:
        self.client.force_login(self.admin)

    def test_every_model_of_ours_is_here(self) -> None:
        ours = {model for app in OURS for model in apps.get_app_config(app).get_models()}

        assert ours - set(admin.site._registry) == set()
        assert set(admin.site._registry) == set(MODELS)

    def test_every_page_opens(self) -> None:
        pages = ["/admin/", "/admin/password_change/", *(f"/admin/{app}/" for app in OURS)]
        for model in MODELS:
            obj = first(model)
            shown = self.client.get(page_of(model))
            pages += [page_of(model) + choice["query_string"] for choice in choices(shown.context["cl"])]
            pages += [f"{page_of(model)}?q={words}" for words in ("e", "9" * 40)]
            pages.append(page_of(model, "change", obj))
            request = shown.wsgi_request
            if admin_of(model).has_add_permission(request):
                pages.append(page_of(model, "add"))
            if admin_of(model).has_delete_permission(request, obj):
                pages.append(page_of(model, "delete", obj))

        for page in pages:
            response = self.client.get(page)
            assert response.status_code == 200, f"{page} leads to {response.status_code}"

    def test_an_id_an_e_mail_and_a_word_find_a_row(self) -> None:
        for model in MODELS:
            if model is not Group:  # Group is a model of Django
                found = self.client.get(page_of(model), {"q": str(first(model).pk)}).context["cl"].queryset
                assert first(model) in found, model
        for model in (SignIn, AssistantConversation, AssistantMessage, ChatMember, ChatMessage, DiscussionTopic):
            assert self.client.get(page_of(model), {"q": "Alice@Ex"}).context["cl"].result_count > 0, model
            assert self.client.get(page_of(model), {"q": "nobody@ex"}).context["cl"].result_count == 0, model
        assert self.client.get(page_of(DiscussionTopic), {"q": "lapsang"}).context["cl"].result_count == 1

    def test_lists_of_what_belongs_to_a_row_are_linked(self) -> None:
        page = self.client.get(page_of(User, "change", self.world.alice)).content.decode()

        for model in (SignIn, AssistantConversation, ChatMember, ChatMessage, DiscussionTopic, DiscussionReply):
            url = f"{page_of(model)}?{'author' if 'author_id' in dir(model) else 'user'}__id__exact="
            assert f'href="{url}{self.world.alice.pk}"' in page
            assert self.client.get(f"{url}{self.world.alice.pk}").context["cl"].result_count > 0
            assert self.client.get(f"{url}{self.admin.pk}").context["cl"].result_count in (0, 1)

    def test_thirty_rows_take_as_many_queries_as_one(self) -> None:
        objects = [first(model) for model in MODELS]
        few = self.queries(objects)
        for _ in range(29):
            self.world.grow()

        assert self.queries(objects) == few
        assert max(few.values()) < 20

    def queries(self, objects: list[Model]) -> dict[str, int]:
        pages = [page_of(model) for model in MODELS]
        pages += [page_of(type(obj), "change", obj) for obj in objects]
        return {page: self.count(page) for page in pages}

    def count(self, page: str) -> int:
        with CaptureQueriesContext(connection) as queries:
            assert self.client.get(page).status_code == 200
        return len(queries)

    def test_no_list_counts_or_offers_a_whole_table(self) -> None:
        for model in MODELS:
            with CaptureQueriesContext(connection) as queries:
                self.client.get(page_of(model))
            if model is not Group:
                counts = [query["sql"] for query in queries if query["sql"].startswith("SELECT COUNT(*)")]
                assert all("LIMIT 10000" in sql for sql in counts), model
        for model in (User, Group):
            form = self.client.get(page_of(model, "change", first(model))).context["adminform"].form
            assert {name for name, field in form.fields.items() if hasattr(field, "queryset")} <= {
                *("groups", "user_permissions", "permissions")
            }

    def test_no_list_sorts_a_whole_table(self) -> None:
        """Checks that each list reads its rows in the order of an index, so that PostgreSQL sorts no large table."""
        for model in MODELS:
            rows = self.client.get(page_of(model)).context["cl"].queryset[:50]
            with transaction.atomic(), connection.cursor() as cursor:
                if connection.vendor == "postgresql":
                    cursor.execute("SET LOCAL enable_seqscan = off")  # simulates a large table
                    cursor.execute("SET LOCAL enable_bitmapscan = off")
                    # Sorting a few rows may be cheaper than reading an index. This depends on statistics that earlier
                    # tests left.
                    cursor.execute("SET LOCAL enable_sort = off")
                plan = rows.explain()
            # Ignores two cheap cases: an incremental sort of rows with equal keys, and a subplan that sorts the rows of
            # one row.
            plan = plan.partition("SubPlan")[0]
            assert not re.search(r"(^|-> +)Sort +\(|TEMP B-TREE FOR ORDER BY", plan, re.MULTILINE), (model, plan)

    def test_count_that_stopped_is_shown_as_a_minimum(self) -> None:
        with mock.patch.object(BoundedPaginator, "MAX_COUNT", 2):
            text = self.client.get(page_of(User)).content.decode()

        assert "The first 2" in text
        assert "search or filter" in text

    def test_frame_is_the_sites_own_and_runs_nothing_inline(self) -> None:
        self.client.logout()
        for page in ("/admin/login/", "/admin/", page_of(User), page_of(User, "change", self.world.alice)):
            response = self.client.get(page)
            text = response.content.decode()
            assert "core/css/admin" in text
            assert f"| {settings.SITE_NAME}</title>" in text
            assert not any(word in text for word in ("style=", "<style", "onclick=", "javascript:", "<script>"))
            assert "unsafe" not in response.headers["Content-Security-Policy"]
            self.client.force_login(self.admin)
        assert '<a href="/">Back to the site</a>' in text


def choices(changelist: Any) -> Iterator[dict[str, Any]]:
    """Yields the choice of each filter that leaves the fewest rows."""
    for spec in changelist.filter_specs:
        yield list(spec.choices(changelist))[-1]


class PrivacyTests(WorldCase):
    def setUp(self) -> None:
        self.client.force_login(self.admin)
        self.secrets = [self.world.alice.password, self.world.alice.password.split("$")[2][:6], PRIVATE]
        self.secrets += [row.refresh_id for row in SignIn.objects.exclude(refresh_id="")]
        self.secrets += [str(session.session_key) for session in Session.objects.all()]

    def assert_silent(self, page: str, *, except_for: str = "") -> None:
        response = self.client.get(page)
        assert response.status_code == 200
        text = response.content.decode().replace(str(response.context.get("csrf_token")), "")
        assert [secret for secret in self.secrets if secret in text and secret != except_for] == [], page

    def test_no_page_has_secrets_and_no_list_has_what_was_written_in_private(self) -> None:
        private = (ChatMessage, AssistantMessage)
        for model in MODELS:
            self.assert_silent(page_of(model))
            for page in ("change", "history"):
                allowed = PRIVATE if page == "change" and model in private else ""
                self.assert_silent(
                    page_of(model, page, list(model._default_manager.order_by("pk"))[-1]), except_for=allowed
                )

    def test_private_text_can_not_be_searched(self) -> None:
        for model in (ChatMessage, AssistantMessage, FeedEvent, IdempotencyKey, GroupChat, AssistantConversation):
            assert self.client.get(page_of(model), {"q": PRIVATE}).context["cl"].result_count == 0, model

    def test_reading_a_message_is_logged(self) -> None:
        for model in (ChatMessage, AssistantMessage):
            message = model._default_manager.filter(content=PRIVATE).get()

            assert PRIVATE in self.client.get(page_of(model, "change", message)).content.decode()

            entry = LogEntry.objects.get(object_id=str(message.pk), content_type__model=model._meta.model_name)
            assert (entry.user, entry.get_change_message()) == (self.admin, "Read.")

    def test_sessions_are_not_shown_since_their_key_would_sign_in(self) -> None:
        assert not admin.site.is_registered(Session)


class RowActionCase(TransactionTestCase):
    """Runs the admin's actions through its pages, with commits, so that work after the commit runs too."""

    def setUp(self) -> None:
        self.staff = User.objects.create_superuser("sue@example.com", "password", display_name="Sue")
        self.client.force_login(self.staff)

    def run_action(self, action: str, *objects: Any, **fields: str) -> str:
        """Selects rows, confirms the action, and returns the text of the page that follows."""
        chosen = {"action": action, "_selected_action": [obj.pk for obj in objects], **fields}
        asked = self.client.post(page_of(type(objects[0])), chosen)
        assert asked.status_code == 200
        assert b'value="yes"' in asked.content
        response = self.client.post(page_of(type(objects[0])), {**chosen, "post": "yes"}, follow=True)
        assert response.status_code == 200
        return " ".join(str(message) for message in response.context["messages"])

    def delete(self, obj: Any) -> str:
        page = page_of(type(obj), "delete", obj)
        assert self.client.get(page).status_code == 200
        response = self.client.post(page, {"post": "yes"}, follow=True)
        return " ".join(str(message) for message in response.context["messages"])

    def logged(self, flag: int = CHANGE) -> list[str]:
        return [str(entry.object_repr) for entry in LogEntry.objects.filter(action_flag=flag).order_by("pk")]


class UserRowActionTests(RowActionCase):
    def setUp(self) -> None:
        super().setUp()
        self.alice, self.bob = alice(), bob()

    def browser_of(self, user: User) -> Client:
        browser = Client()
        browser.force_login(user)
        assert browser.get("/account").status_code == 200
        return browser

    def test_signing_out_ends_every_device_of_whom_it_is_about(self) -> None:
        browser, bobs = self.browser_of(self.alice), self.browser_of(self.bob)

        assert self.run_action("sign_out", self.alice) == "1 user signed out."

        assert browser.get("/account").status_code == 302
        assert bobs.get("/account").status_code == 200
        assert self.logged() == ["Alice"]

    def test_one_device_is_ended_by_deleting_it(self) -> None:
        laptop, phone = self.browser_of(self.alice), self.browser_of(self.alice)

        self.delete(self.alice.sign_ins.order_by("created_at")[0])

        assert laptop.get("/account").status_code == 302
        assert phone.get("/account").status_code == 200
        self.run_action("delete_selected", *self.alice.sign_ins.all())
        assert phone.get("/account").status_code == 302

    def test_a_deactivated_user_is_signed_out_and_can_be_reactivated(self) -> None:
        browser = self.browser_of(self.alice)

        self.run_action("switch_off", self.alice)

        assert browser.get("/account").status_code == 302
        assert not browser.login(email="alice@example.com", password="password")
        self.run_action("switch_on", self.alice)
        assert browser.login(email="alice@example.com", password="password")

    def test_an_action_that_does_not_apply_to_a_row_leaves_it_alone(self) -> None:
        assert self.run_action("switch_on", self.alice) == "“Alice” was left as it is."

        assert LogEntry.objects.count() == 0

    def test_password_reset_link_is_mailed_to_the_user(self) -> None:
        self.run_action("send_link", self.alice)

        assert [message.to for message in mail.outbox] == [["alice@example.com"]]
        assert "/reset/" in str(mail.outbox[0].body)

    def test_deleted_user_leaves_rooms_as_the_product_has_it(self) -> None:
        mine = ChatMemberFactory.create(user=self.alice, chat_role=OWNER)
        heir = ChatMemberFactory.create(group_chat=mine.group_chat, user=self.bob)
        message = ChatMessageFactory.create(group_chat=mine.group_chat, author=self.alice)
        before = feeds.head(room_feed(mine.group_chat_id))

        self.run_action("delete_selected", self.alice)

        heir.refresh_from_db()
        message.refresh_from_db()
        assert (heir.chat_role, message.author) == (OWNER, None)
        assert feeds.head(room_feed(mine.group_chat_id)) == before + 2
        assert self.logged(DELETION) == ["Alice"]

    def test_users_can_not_delete_or_deactivate_themselves(self) -> None:
        assert self.client.get(page_of(User, "delete", self.staff)).status_code == 403

        assert "is not yours to change" in self.run_action("delete_selected", self.staff)
        assert "is not yours to change" in self.run_action("switch_off", self.staff)
        assert b"switch_off" not in self.client.get(page_of(User, "change", self.staff)).content
        self.client.post(page_of(User, "change", self.staff), {"email": "sue@example.com", "is_staff": "on"})
        assert User.objects.get(pk=self.staff.pk).is_active


class ForumTests(RowActionCase):
    def setUp(self) -> None:
        super().setUp()
        self.topic = DiscussionTopicFactory.create(title="Which tea?", reply_count=1)
        self.reply = DiscussionReplyFactory.create(topic=self.topic)

    def test_topic_is_closed_reopened_pinned_and_unpinned_with_its_events(self) -> None:
        for number, (action, field, value) in enumerate(
            [
                ("close", "is_closed", True),
                ("reopen", "is_closed", False),
                ("pin", "is_pinned", True),
                ("unpin", "is_pinned", False),
            ]
        ):
            self.run_action(action, self.topic)
            self.topic.refresh_from_db()
            assert getattr(self.topic, field) is value
            assert feeds.head(topic_feed(self.topic.pk)) == feeds.head(LIST) == number + 1

    def test_button_of_a_page_leads_back_to_it(self) -> None:
        page = page_of(DiscussionTopic, "change", self.topic)
        assert b'value="close"' in self.client.get(page).content
        assert b'value="reopen"' not in self.client.get(page).content
        chosen = {"action": "close", "_selected_action": [self.topic.pk], "from_page": "yes", "post": "yes"}

        response = self.client.post(page_of(DiscussionTopic), chosen)

        assert response.url == page  # type: ignore[attr-defined]  # it leads elsewhere
        assert b'value="reopen"' in self.client.get(page).content

    def test_deleting_replies_and_topics_updates_counters_and_pages(self) -> None:
        self.delete(self.reply)

        self.topic.refresh_from_db()
        assert self.topic.reply_count == 0
        assert feeds.head(topic_feed(self.topic.pk)) == 1
        self.run_action("delete_selected", self.topic)
        assert not DiscussionTopic.objects.exists()
        assert feeds.head(topic_feed(self.topic.pk)) == 2
        assert self.logged(DELETION) == [f"Reply {self.reply.pk}", "Which tea?"]


class RoomTests(Room, RowActionCase):
    def setUp(self) -> None:
        super().setUp()
        self.make_room()
        self.message = post_message(self.room, content="Rude words", by=self.bob)

    def test_staff_services_refuse_other_users(self) -> None:
        for service in (
            partial(delete_message_as_staff, self.message),
            partial(transfer_ownership_as_staff, self.member),
            partial(remove_member_as_staff, self.member),
            partial(delete_room_as_staff, self.room),
        ):
            with pytest.raises(NotAllowed):
                service(by=self.alice)

    def test_message_is_taken_back_and_its_place_stays(self) -> None:
        before = feeds.head(room_feed(self.room.pk))

        self.run_action("delete_selected", self.message)

        self.message.refresh_from_db()
        assert (self.message.is_deleted, self.message.content) == (True, "")
        assert feeds.head(room_feed(self.room.pk)) == before + 1
        assert self.client.get(page_of(ChatMessage, "delete", self.message)).status_code == 403
        assert "is not yours to change" in self.run_action("delete_selected", self.message)

    def test_room_is_transferred(self) -> None:
        self.run_action("transfer_ownership", self.member)

        roles = dict(self.room.members.values_list("user__display_name", "chat_role"))
        assert roles == {"Alice": ADMIN, "Carol": ADMIN, "Bob": OWNER}
        assert feeds.head(room_feed(self.room.pk)) == 3

    def test_member_is_removed_but_the_last_owner_is_not(self) -> None:
        self.delete(self.member)

        assert not self.room.members.filter(user=self.bob).exists()
        assert feeds.head(user_feed(self.bob.pk)) == 1
        assert "is the room's last owner" in self.delete(self.owner)
        assert "is the room's last owner" in self.run_action("delete_selected", self.owner)
        assert self.room.members.filter(user=self.alice, chat_role=OWNER).exists()
        assert self.logged(DELETION) == ["Bob in Rice"]
        assert MEMBER not in self.room.members.values_list("chat_role", flat=True)

    def test_room_is_deleted_and_its_members_are_notified(self) -> None:
        self.run_action("delete_selected", self.room)

        assert not GroupChat.objects.exists()
        assert not Feed.objects.filter(name=room_feed(self.room.pk)).exists()
        assert [feeds.head(user_feed(user.pk)) for user in (self.alice, self.bob, self.carol)] == [1, 1, 1]


class AnswerTests(RowActionCase):
    failed: AssistantMessage

    def setUp(self) -> None:
        super().setUp()
        self.failed = AnswerFactory.create(status=Status.FAILED, error="interrupted")
        self.question = self.failed.question

    def newest(self) -> AssistantMessage:
        return AssistantMessage.objects.filter(question=self.question).latest("pk")

    def test_failed_answer_is_tried_again(self) -> None:
        with scripted_model("Tea."):
            self.run_action("try_again", self.failed)

        assert self.newest().pk != self.failed.pk
        assert (self.newest().status, self.newest().content) == (Status.COMPLETE, "Tea.")

    def test_second_try_that_fails_is_stored_as_one(self) -> None:
        with scripted_model(ModelUnavailable(ModelProblem.CUT_OFF)):
            self.run_action("try_again", self.failed)

        assert (self.newest().pk != self.failed.pk, self.newest().status) == (True, Status.FAILED)

    def test_busy_conversation_has_to_wait_and_nothing_is_noted(self) -> None:
        AnswerFactory.create(question=self.question, status=Status.STREAMING, lease_expires_at=timezone.now())

        assert "another answer" in self.run_action("try_again", self.failed)

        assert LogEntry.objects.count() == 0

    def test_abandoned_answer_is_ended_as_failed_and_keeps_its_words(self) -> None:
        left = AnswerFactory.create(
            status=Status.STREAMING, content="Tea is", lease_expires_at=timezone.now() - timedelta(minutes=1)
        )

        self.run_action("end_abandoned", left)

        left.refresh_from_db()
        assert (left.status, left.error, left.content) == (Status.FAILED, "interrupted", "Tea is")

    def test_running_answer_is_asked_to_stop_and_is_not_ended_as_abandoned(self) -> None:
        running = AnswerFactory.create(
            status=Status.STREAMING, lease_expires_at=timezone.now() + timedelta(minutes=1), worker="elsewhere"
        )

        assert "was left as it is" in self.run_action("end_abandoned", running)
        self.run_action("stop", running)

        running.refresh_from_db()
        assert (running.status, running.stop_requested) == (Status.STREAMING, True)

    def test_conversation_is_deleted_with_its_feed(self) -> None:
        self.run_action("delete_selected", self.failed.conversation)

        assert not AssistantMessage.objects.exists()


class LiveRowActionTests(Room, SocketTestCase):
    """Checks that actions of the admin reach open pages, as events or by closing their sockets."""

    consumer = ChatDetailConsumer

    def setUp(self) -> None:
        super().setUp()
        self.make_room()
        self.mallory.delete()
        self.staff = Client()
        self.staff.force_login(User.objects.create_superuser("admin@example.com", "password"))

    async def run_action(self, action: str, obj: Any) -> None:
        chosen = {"action": action, "_selected_action": [obj.pk], "post": "yes"}
        response = await sync_to_async(self.staff.post)(page_of(type(obj)), chosen)
        assert response.status_code == 302

    async def test_members_see_a_message_go_and_a_room_close(self) -> None:
        message = await sync_to_async(post_message)(self.room, content="Rude words", by=self.bob)
        page = await self.open_page(f"/ws/chat/{self.room.pk}/", by=self.alice)

        await self.run_action("delete_selected", message)

        received = (await page.receive_until("message_deleted"))[-1]
        assert received["payload"]["id"] == message.pk
        await self.run_action("delete_selected", self.room)
        assert await page.close_code() == 4404

    async def test_sockets_of_who_is_switched_off_close_and_no_others(self) -> None:
        alices = await self.open_page(f"/ws/chat/{self.room.pk}/", by=self.alice)
        bobs = await self.open_page(f"/ws/chat/{self.room.pk}/", by=self.bob)

        await self.run_action("switch_off", self.bob)

        assert await bobs.close_code() == 4401
        await alices.send('{"action": "ping"}')
        await alices.receive_until("pong")
