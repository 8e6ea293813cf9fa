"""Before a service writes or locks any row, it locks the feeds that it writes to, in the order of their names."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from django.db import connection, transaction
from django.test import Client, TransactionTestCase
from django.utils import timezone

from accounts.factories.user import UserFactory
from accounts.models import User
from assistants.answer_streams import stream_of
from assistants.factories import AnswerFactory, AssistantConversationFactory, QuestionFactory
from assistants.models.assistant_message import Status
from assistants.services import answer_writer, cleanup, conversations, titles
from assistants.services.quotas import Charge
from chat.models.room import ChatRole
from chat.services import members, messages, rooms
from discussion.models import DiscussionReply, DiscussionTopic
from discussion.services import answers as accepted
from discussion.services import inbox, replies, topics
from test_utils.users import alice, bob, mallory

LOCK = re.compile(r"INSERT INTO live_feed \(")
WRITE = re.compile(r"(INSERT INTO|UPDATE|DELETE FROM|SELECT.*FOR (NO KEY )?UPDATE)\b(?!.*\blive_feed\b)", re.DOTALL)

MODULES = (conversations, cleanup, members, messages, rooms, accepted, inbox, replies, topics)
# These functions write to no feed, or only run inside another service.
OTHERS = {
    *("start_conversation", "stop_answer", "membership", "require_staff", "mark_read", "hint_activity"),
    *("end_of_deleted_run", "hint_activity", "hint_read", "count_post", "lock_topic", "lock_reply"),
    *("inboxes_of", "notify_of_reply", "notify_mentioned", "notify_of_acceptance", "delete_notifications"),
}


class LockOrderTests(TransactionTestCase):
    def setUp(self) -> None:
        self.alice, self.bob, self.mallory = alice(), bob(), mallory()
        self.staff: User = UserFactory.create(email="sue@example.com", is_staff=True, is_superuser=True)
        self.transactions: list[list[tuple[str, Any]]] = []
        self.called: set[str] = set()
        self.is_open = False

    @contextmanager
    def recording(self) -> Iterator[None]:
        with connection.execute_wrapper(self.record):
            yield

    def record(self, execute: Callable[..., Any], sql: str, params: Any, *rest: Any) -> Any:
        if not (self.is_open and connection.in_atomic_block):
            self.transactions.append([])
        if connection.in_atomic_block and not self.is_open:
            self.is_open = True
            transaction.on_commit(self.close)
        self.transactions[-1].append((sql, params))
        return execute(sql, params, *rest)

    def close(self) -> None:
        self.is_open = False

    def do(self, service: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Calls a service, and checks the order of its locks and writes."""
        self.called.add(service.__name__)
        self.transactions, self.is_open = [], False
        with self.recording():
            result = service(*args, **kwargs)
        self.assert_feeds_come_first(service.__qualname__)
        return result

    def assert_feeds_come_first(self, what: str) -> None:
        locking = 0
        for statements in self.transactions:
            locked: list[str] = []
            written = ""
            for sql, params in statements:
                if LOCK.match(sql):
                    assert not written, f"{what} writes before it locks {params}: {written}"
                    locked += params
                    locking += 1
                elif WRITE.match(sql) and "live_feed" not in sql:
                    written = written or sql
            assert locked == sorted(locked), f"{what} locks in another order: {locked}"
        assert locking, f"{what} locks no feed"

    def test_services_of_the_chat(self) -> None:
        room = self.do(rooms.create_room, self.alice, title="Rice")
        for user in (self.bob, self.mallory):
            self.do(members.add_member, room, user=user, by=self.alice)
        of_bob = room.members.get(user=self.bob)
        self.do(members.change_role, of_bob, chat_role=ChatRole.ADMIN, by=self.alice)
        self.do(members.transfer_ownership, of_bob, by=self.alice)
        self.do(members.transfer_ownership_as_staff, room.members.get(user=self.alice), by=self.staff)
        self.do(members.remove_member, room.members.get(user=self.mallory), by=self.alice)
        self.do(rooms.change_room, room, by=self.alice, title="Tea")
        message = self.do(messages.post_message, room, content="Hello", by=self.bob)
        message = self.do(messages.edit_message, room.messages.get(pk=message.pk), content="Hi", by=self.bob)
        self.do(messages.delete_message, message, by=self.bob)
        message = messages.post_message(room, content="Hello", by=self.bob)
        self.do(messages.delete_message_as_staff, message, by=self.staff)
        self.do(members.leave_room, room, user=self.bob)
        members.add_member(room, user=self.mallory, by=self.alice)
        self.do(members.remove_member_as_staff, room.members.get(user=self.mallory), by=self.staff)
        members.add_member(room, user=self.mallory, by=self.alice)
        self.do(members.leave_all_rooms, self.mallory)
        members.add_member(room, user=self.bob, by=self.alice)
        self.do(rooms.delete_room, room, by=self.alice)
        self.do(rooms.delete_room_as_staff, rooms.create_room(self.alice, title="Two"), by=self.staff)
        self.assert_all_called(members, messages, rooms)

    def test_services_of_the_forum(self) -> None:
        topic: DiscussionTopic = self.do(topics.create_topic, self.alice, title="Which?", content="Tea, @Mallory?")
        topic = self.do(topics.edit_topic, topic, by=self.alice, content="Tea, @Bob and @Mallory?", tags=["tea"])
        self.do(topics.moderate_topic, topic, by=self.staff, is_pinned=True)
        reply: DiscussionReply = self.do(replies.post_reply, topic, content="Green, @Mallory.", by=self.bob)
        reply = self.do(replies.edit_reply, reply, content="Green, @Sue.", by=self.bob)
        self.do(accepted.accept_answer, topic, reply_id=reply.pk, by=self.alice)
        self.do(accepted.unaccept_answer, topic, by=self.alice)
        accepted.accept_answer(topic, reply_id=reply.pk, by=self.alice)
        self.do(inbox.mark_read, self.alice)
        self.do(replies.delete_reply, reply, by=self.bob)
        self.do(topics.delete_topic, topic, by=self.alice)
        self.assert_all_called(accepted, inbox, replies, topics)

    def test_services_of_the_assistant(self) -> None:
        conversation = AssistantConversationFactory.create(user=self.alice, title="")
        question = self.do(conversations.post_message, conversation, content="Which tea?")
        self.do(conversations.answer_again, question)
        charge = Charge("person 1", "everyone at 127.0.0.1", timezone.now(), reserved_tokens=200, cost=20)
        self.do(titles._store_now, [titles.Title(conversation.pk, "Tea", charge)])
        asked = QuestionFactory.create(conversation=conversation)
        answer = AnswerFactory.create(conversation=conversation, question=asked, status="streaming")
        result = answer_writer.AnswerResult(Status.COMPLETE)
        end = answer_writer.FinishedAnswer(stream_of(answer), answer.created_at, "Green.", result)
        self.do(answer_writer._store_ends, [end], ["<p>Green.</p>"])
        self.do(conversations.change_conversation, conversation, title="Rice")
        self.do(conversations.delete_conversation, conversation)
        others = [AssistantConversationFactory.create(user=None) for _ in range(2)]
        self.do(conversations.claim_conversations, self.alice, [one.pk for one in others])
        self.do(cleanup.delete_conversations, [one.pk for one in others])
        AssistantConversationFactory.create(user=None)
        with self.settings(ASSISTANT_ANONYMOUS_DAYS=-1):
            self.do(cleanup.delete_abandoned_conversations)
        self.assert_all_called(conversations, cleanup)

    def test_deleting_accounts_by_whatever_way(self) -> None:
        everyone = (self.alice, self.bob, self.mallory)
        for user in everyone:
            for number in range(2):
                conversations.change_conversation(AssistantConversationFactory.create(user=user), title=f"{number}")
            topic = topics.create_topic(user, title="Which?", content="@Alice @Bob @Mallory")
            replies.post_reply(topic, content="Tea", by=self.bob)
            room = rooms.create_room(user, title="Rice")
            for other in everyone:
                if other != user:
                    members.add_member(room, user=other, by=user)
        browser = Client()
        browser.force_login(self.staff)

        self.do(User.objects.filter(pk__in=[self.alice.pk, self.bob.pk]).delete)
        self.transactions = []
        with self.recording():
            browser.post(f"/admin/accounts/user/{self.mallory.pk}/delete/", {"post": "yes"})

        self.assert_feeds_come_first("the admin")
        assert User.objects.count() == 1

    def assert_all_called(self, *modules: ModuleType) -> None:
        public = {
            name
            for module in modules
            for name, value in vars(module).items()
            if callable(value) and getattr(value, "__module__", "") == module.__name__ and not name.startswith("_")
            if not isinstance(value, type)
        }
        assert public - self.called - OTHERS == set()
