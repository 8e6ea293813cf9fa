"""Tests the API of members: adding, removing and changing roles. A room must always have an owner."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import connection
from django.urls import reverse

from accounts.factories.user import UserFactory
from accounts.models import User
from chat.factories import ChatMemberFactory
from chat.groups import room_feed, user_feed
from chat.models import ChatMember, GroupChat
from chat.services.members import NotInRoom, add_member, change_role, remove_member
from chat.tests.cases import ADMIN, MEMBER, OWNER, RoomCase, code_of
from core.errors import NotAllowed
from live import feeds
from test_utils.queries import assert_queries


class MembersCase(RoomCase):
    def add(self, email: str = "mallory@example.com", *, by: User, **fields: Any) -> Any:
        return self.send("post", self.members_url(), {"user": email, **fields}, by=by)

    def give(self, role: Any, member: ChatMember, *, by: User) -> Any:
        return self.send("patch", self.members_url(member.pk), {"chatRole": role}, by=by)

    def remove(self, member: ChatMember, *, by: User) -> Any:
        return self.send("delete", self.members_url(member.pk), by=by)

    def transfer_ownership(self, member: ChatMember, *, by: User) -> Any:
        return self.send("post", reverse("chat-members-hand-over", args=[self.room.pk, member.pk]), by=by)

    def roles(self) -> dict[str, int]:
        return dict(self.room.members.values_list("user__display_name", "chat_role"))


BEFORE = {"Alice": OWNER, "Carol": ADMIN, "Bob": MEMBER}


class RefusalTests(MembersCase):
    def tearDown(self) -> None:
        assert self.roles() == BEFORE
        assert feeds.head(room_feed(self.room.pk)) == 0
        super().tearDown()

    def test_members_can_not_add_change_or_remove_others(self) -> None:
        assert self.add(by=self.bob).status_code == 403
        for member in (self.owner, self.admin):
            assert self.give(MEMBER, member, by=self.bob).status_code == 403
            assert self.remove(member, by=self.bob).status_code == 403
            assert self.transfer_ownership(member, by=self.bob).status_code == 403
        for role in (OWNER, ADMIN):
            assert self.give(role, self.member, by=self.bob).status_code == 403

    def test_admins_touch_no_owner_and_make_none(self) -> None:
        assert self.remove(self.owner, by=self.carol).status_code == 403
        assert self.give(MEMBER, self.owner, by=self.carol).status_code == 403
        assert self.give(OWNER, self.member, by=self.carol).status_code == 403
        assert self.give(OWNER, self.admin, by=self.carol).status_code == 403
        assert self.add(by=self.carol, chatRole=OWNER).status_code == 403
        assert self.transfer_ownership(self.member, by=self.carol).status_code == 403

    def test_services_refuse_too_what_permissions_have_let_pass(self) -> None:
        # Between the permission check and the lock, the other user became owner, or the acting admin became a plain
        # member.
        another = ChatMemberFactory.create(group_chat=self.room, user=self.mallory)
        for refused in (
            lambda: remove_member(self.owner, by=self.carol),
            lambda: change_role(self.owner, chat_role=MEMBER, by=self.carol),
            lambda: remove_member(self.admin, by=self.bob),
            lambda: remove_member(another, by=self.bob),
            lambda: add_member(self.room, user=UserFactory.create(), by=self.bob),
        ):
            with pytest.raises(NotAllowed):
                refused()
        with pytest.raises(NotInRoom):
            remove_member(self.member, by=UserFactory.create())
        another.delete()

    def test_unknown_roles_are_refused(self) -> None:
        made_up: list[Any] = [1, 0, -1, 2000, 2004, 9999, "owner", "", None, True, 2001.5, [], {}, 10**30]
        for role in made_up:
            with self.subTest(role=role):
                assert code_of(self.give(role, self.member, by=self.alice))[::2] == (400, "chatRole")
                assert code_of(self.add(by=self.alice, chatRole=role))[::2] == (400, "chatRole")

    def test_unknown_users_are_not_added(self) -> None:
        self.mallory.is_active = False
        self.mallory.save(update_fields=["is_active"])

        unknown: list[Any] = ["nobody@example.com", "mallory@example.com", "no address", "", None, 7, [], "a\x00@b.com"]
        for email in unknown:
            with self.subTest(email=email):
                assert code_of(self.add(email, by=self.alice))[::2] == (400, "user")

    def test_a_user_is_a_member_of_a_room_once(self) -> None:
        for email in ("bob@example.com", "BOB@Example.com"):
            assert code_of(self.add(email, by=self.alice)) == (400, "already_in_room", "user")

    def test_the_last_owner_stays_the_owner(self) -> None:
        assert code_of(self.remove(self.owner, by=self.alice))[:2] == (409, "last_owner")
        for method in ("put", "patch"):
            refused = self.send(method, self.members_url(self.owner.pk), {"chatRole": ADMIN}, by=self.alice)
            assert code_of(refused)[:2] == (409, "last_owner")
        assert self.transfer_ownership(self.owner, by=self.alice).json()["chatRole"] == OWNER


class MemberTests(MembersCase):
    def test_refusals_give_the_reason_that_applies(self) -> None:
        message = self.post_message(by=self.alice).json()
        for response, detail in (
            (self.remove(self.admin, by=self.bob), "Only owners and admins can do this."),
            (self.remove(self.owner, by=self.carol), "Only an owner can do this to an owner."),
            (self.give(OWNER, self.member, by=self.carol), "You can't give a role above your own."),
            (
                self.send("delete", self.messages_url(message["id"]), by=self.bob),
                "Only the author, owners and admins can delete this message.",
            ),
        ):
            with self.subTest(detail):
                assert response.json()["errors"] == [{"code": "permission_denied", "detail": detail, "attr": None}]

    def test_owners_and_admins_add_users_by_their_address(self) -> None:
        response = self.add("Mallory@Example.com", by=self.carol, chatRole=ADMIN)

        assert response.status_code == 201
        assert response.json() == {
            "id": response.json()["id"],
            "user": "mallory@example.com",
            "displayName": "Mallory",
            "chatRole": ADMIN,
            "userId": self.mallory.pk,
            "lastReadMessageId": 0,
        }
        assert self.roles() == {**BEFORE, "Mallory": ADMIN}

    def test_addresses_are_for_oneself_and_for_those_who_manage(self) -> None:
        def seen_by(user: User) -> list[str]:
            listed = self.send("get", self.members_url(), by=user).json()["results"]
            return [member["user"] for member in listed]

        assert (
            seen_by(self.alice) == seen_by(self.carol) == [f"{name}@example.com" for name in ("alice", "carol", "bob")]
        )
        assert seen_by(self.bob) == ["Alice", "Carol", "bob@example.com"]

    def test_roles_go_up_and_down(self) -> None:
        assert self.give(ADMIN, self.member, by=self.carol).json()["chatRole"] == ADMIN
        assert self.give(MEMBER, self.admin, by=self.bob).status_code == 200
        assert self.give(OWNER, self.member, by=self.alice).status_code == 200
        assert self.give(MEMBER, self.owner, by=self.alice).status_code == 200
        assert self.roles() == {"Alice": MEMBER, "Carol": MEMBER, "Bob": OWNER}

    def test_a_role_is_replaced_without_saying_whose_it_is(self) -> None:
        posted = {"chatRole": ADMIN, "user": "mallory@example.com"}

        assert self.send("put", self.members_url(self.member.pk), posted, by=self.alice).status_code == 200
        assert self.send("put", self.members_url(self.member.pk), {"chatRole": ADMIN}, by=self.alice).status_code == 200

        assert self.roles() == {"Alice": OWNER, "Carol": ADMIN, "Bob": ADMIN}

    def test_a_role_one_has_already_is_no_news(self) -> None:
        assert self.give(MEMBER, self.member, by=self.alice).status_code == 200
        assert feeds.head(room_feed(self.room.pk)) == 0

    def test_handing_over_makes_another_one_the_owner_and_oneself_an_admin(self) -> None:
        assert self.transfer_ownership(self.member, by=self.alice).json()["chatRole"] == OWNER

        assert self.roles() == {"Alice": ADMIN, "Carol": ADMIN, "Bob": OWNER}
        assert self.remove(self.owner, by=self.alice).status_code == 204

    def test_removing_and_leaving(self) -> None:
        assert self.remove(self.admin, by=self.alice).status_code == 204
        assert self.remove(self.member, by=self.bob).status_code == 204

        assert self.roles() == {"Alice": OWNER}
        assert feeds.head(user_feed(self.bob.pk)) == feeds.head(user_feed(self.carol.pk)) == 1
        assert self.send("get", self.room_url(), by=self.bob).status_code == 404

    def test_a_long_list_costs_no_query_per_member(self) -> None:
        ChatMemberFactory.create_batch(200, group_chat=self.room)
        self.sign_in(self.bob)

        with assert_queries(5):
            assert len(self.send("get", f"{self.members_url()}?limit=100", by=self.bob).json()["results"]) == 100


class DeletedAccountTests(MembersCase):
    def test_a_room_whose_last_owner_has_no_account_any_more_gets_another_one(self) -> None:
        self.alice.delete()

        assert self.roles() == {"Carol": OWNER, "Bob": MEMBER}
        actions = [json.loads(event.frame)["action"] for event in feeds.read(room_feed(self.room.pk), 0).events]
        assert actions == ["member_updated", "member_removed"]

    def test_others_are_just_not_there_any_more(self) -> None:
        self.post_message(by=self.bob)
        User.objects.filter(pk=self.bob.pk).delete()

        assert self.roles() == {"Alice": OWNER, "Carol": ADMIN}
        assert self.room.messages.get().content == "Hello"

    def test_a_room_with_nobody_left_goes_too(self) -> None:
        self.room.members.exclude(user=self.alice).delete()

        self.alice.delete()

        assert not GroupChat.objects.exists()


class AtOnceTests(MembersCase):
    """Sends requests at the same time, each with its own database connection."""

    def at_once(self, *requests: Callable[[], Any]) -> list[int]:
        for user in (self.alice, self.bob, self.carol, self.mallory):
            self.sign_in(user)
        start = Barrier(len(requests))

        def run(request: Callable[[], Any]) -> int:
            try:
                start.wait(30)
                status: int = request().status_code
                return status
            finally:
                connection.close()

        with ThreadPoolExecutor(len(requests)) as threads:
            return sorted(threads.map(run, requests))

    def test_of_two_owners_who_leave_at_once_one_stays(self) -> None:
        for _ in range(5):
            self.give(OWNER, self.member, by=self.alice)

            statuses = self.at_once(
                lambda: self.remove(self.owner, by=self.alice), lambda: self.remove(self.member, by=self.bob)
            )

            assert statuses == [204, 409]
            assert list(self.roles().values()).count(OWNER) == 1
            self.room.members.exclude(user=self.carol).delete()
            self.owner = ChatMemberFactory.create(group_chat=self.room, user=self.alice, chat_role=OWNER)
            self.member = ChatMemberFactory.create(group_chat=self.room, user=self.bob)

    def test_of_two_owners_who_step_down_at_once_one_stays(self) -> None:
        self.give(OWNER, self.member, by=self.alice)

        statuses = self.at_once(
            lambda: self.give(ADMIN, self.owner, by=self.alice), lambda: self.give(ADMIN, self.member, by=self.bob)
        )

        assert statuses == [200, 409]

    def test_of_two_admins_who_demote_each_other_one_is_left(self) -> None:
        for _ in range(5):
            self.room.members.exclude(user=self.alice).update(chat_role=ADMIN)

            statuses = self.at_once(
                lambda: self.give(MEMBER, self.admin, by=self.bob),
                lambda: self.give(MEMBER, self.member, by=self.carol),
            )

            assert statuses == [200, 403]
            assert sorted(self.roles().values()) == [OWNER, ADMIN, MEMBER]

    def test_user_added_twice_at_once_is_a_member_once(self) -> None:
        statuses = self.at_once(lambda: self.add(by=self.alice), lambda: self.add(by=self.carol))

        assert statuses == [201, 400]
        assert feeds.head(user_feed(self.mallory.pk)) == 1

    def test_a_room_that_is_deleted_while_somebody_is_added_is_gone_for_all(self) -> None:
        statuses = self.at_once(
            lambda: self.add(by=self.carol), lambda: self.send("delete", self.room_url(), by=self.alice)
        )

        assert statuses in ([201, 204], [204, 404])
        events = feeds.read(user_feed(self.mallory.pk), 0).events
        assert len(events) == (2 if statuses == [201, 204] else 0)
        assert not ChatMember.objects.exists()
