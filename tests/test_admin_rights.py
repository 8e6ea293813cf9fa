"""Staff can do only what their permissions allow in the admin. They can't read private texts or raise permissions."""

from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin import ModelAdmin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission
from django.core.exceptions import FieldDoesNotExist
from django.db import transaction
from django.db.models import CharField, Field, Model, ProtectedError, TextField
from django.test import TestCase
from django.urls import reverse

from accounts.factories.user import UserFactory
from accounts.models import User
from chat.factories import ChatMemberFactory
from test_utils.users import alice, bob

OWN = ("", "exact", "contains", "startswith", "iregex", "gt", "in", "isnull")
RELATED = ("startswith",)


class LookupTests(TestCase):
    def setUp(self) -> None:
        self.staff = staff("view")
        self.client.force_login(self.staff)

    def test_no_text_is_read_letter_by_letter(self) -> None:
        tried = 0
        for model, model_admin in admin.site._registry.items():
            for path, lookups in texts_of(model):
                for lookup in lookups:
                    parameter = f"{path}__{lookup}".removesuffix("__")
                    if path in filters_of(model_admin) and lookup in {"exact", "isnull"}:
                        continue
                    tried += 1
                    with self.subTest(f"{model.__name__}: {parameter}"):
                        assert self.client.get(list_of(model), {parameter: "a"}).status_code == 400
        assert tried > 400

    def test_superusers_do_not_read_it_either(self) -> None:
        self.client.force_login(UserFactory.create(is_staff=True, is_superuser=True))
        paths = [
            ("assistants_assistantmessage", "content__startswith"),
            ("assistants_assistantmessage", "conversation__title__contains"),
            ("assistants_assistantconversation", "messages__content__contains"),
            ("chat_chatmessage", "content__contains"),
            ("chat_chatmessage", "content_html__regex"),
            ("chat_groupchat", "messages__content__contains"),
            ("live_feedevent", "frame__contains"),
            ("core_idempotencykey", "answer__contains"),
            ("accounts_user", "password__startswith"),
            ("accounts_signin", "refresh_id__startswith"),
            ("accounts_signin", "user__password__startswith"),
            ("admin_logentry", "user__password__startswith"),
        ]
        for name, parameter in paths:
            with self.subTest(parameter):
                assert self.client.get(reverse(f"admin:{name}_changelist"), {parameter: "a"}).status_code == 400

    def test_filters_and_links_of_the_pages_go_on(self) -> None:
        member = ChatMemberFactory.create(user=self.staff)
        links = [
            (f"admin:{name}_changelist", parameter)
            for name, parameter in (
                ("chat_chatmember", {"group_chat__id__exact": member.group_chat_id}),
                ("chat_chatmember", {"user__id__exact": self.staff.pk}),
                ("chat_groupchat", {"created_at__year": 2026, "created_at__month": 11}),
                ("accounts_user", {"is_staff__exact": 1}),
                ("accounts_user", {"groups__id__exact": 1}),
                ("assistants_assistantconversation", {"user__isempty": 1}),
                ("assistants_assistantmessage", {"status__exact": "failed"}),
                ("chat_chatmessage", {"created_at__gte": "2026-11-29 00:00:00+00:00"}),
            )
        ]
        for name, parameter in links:
            with self.subTest(f"{name} {parameter}"):
                assert self.client.get(reverse(name), parameter).status_code == 200


class PermissionTests(TestCase):
    def test_staff_who_change_groups_grant_no_permissions(self) -> None:
        helper = staff("view_group", "add_group", "change_group", "delete_group")
        group = Group.objects.create(name="Moderators")
        helper.groups.add(group)
        self.client.force_login(helper)
        wanted = [permission.pk for permission in Permission.objects.all()[:5]]

        self.client.post(reverse("admin:auth_group_change", args=[group.pk]), {"name": "Mods", "permissions": wanted})
        self.client.post(reverse("admin:auth_group_add"), {"name": "Mine", "permissions": wanted})

        assert set(Group.objects.values_list("name", flat=True)) == {"Mods", "Mine"}
        assert not Group.objects.filter(permissions__isnull=False).exists()

    def test_superusers_grant_permissions(self) -> None:
        self.client.force_login(UserFactory.create(is_staff=True, is_superuser=True))
        group = Group.objects.create(name="Moderators")
        (permission,) = Permission.objects.all()[:1]

        self.client.post(
            reverse("admin:auth_group_change", args=[group.pk]), {"name": "Mods", "permissions": [permission.pk]}
        )

        assert list(group.permissions.all()) == [permission]

    def test_staff_who_change_users_can_not_grant_permissions_or_change_superusers(self) -> None:
        helper = staff("view_user", "add_user", "change_user", "delete_user")
        group = Group.objects.create(name="Moderators")
        # This user isn't staff and can't open the admin, but would have all permissions as staff.
        above = UserFactory.create(is_superuser=True, is_staff=False)
        self.client.force_login(helper)
        wanted = {"is_staff": "on", "is_superuser": "on", "is_active": "on", "groups": [group.pk]}
        wanted |= {"user_permissions": [Permission.objects.all()[0].pk], "display_name": "x"}
        target = bob()

        for user in (helper, above, target):
            self.client.post(page_of(user, "change"), {"email": user.email, **wanted})
            self.client.post(
                page_of(user, "password_change"), {"password1": "taken-over-7", "password2": "taken-over-7"}
            )
        self.client.post(
            reverse("admin:accounts_user_add"), {"email": "new@example.com", "usable_password": "false", **wanted}
        )

        for user in User.objects.exclude(pk__in=[above.pk, helper.pk]):
            rights = [user.is_staff, user.is_superuser, user.groups.exists(), user.user_permissions.exists()]
            assert not any(rights)
        above.refresh_from_db()
        assert above.check_password("password")
        assert not above.is_staff
        assert helper.user_permissions.count() == 4
        assert not helper.groups.exists()


class LogTests(TestCase):
    def test_an_account_with_entries_in_the_log_is_not_deleted_and_can_be_switched_off(self) -> None:
        gone = staff("change_user")
        LogEntry.objects.log_actions(gone.pk, [alice()], 2, "Read.")
        self.client.force_login(UserFactory.create(is_staff=True, is_superuser=True))

        page = self.client.post(page_of(gone, "delete"), {"post": "yes"}, follow=True)
        self.assertContains(page, "switch the account off")
        chosen = {"_selected_action": [gone.pk], "post": "yes"}
        self.client.post(list_of(User), {"action": "delete_selected", **chosen})
        assert User.objects.filter(pk=gone.pk).exists()
        assert LogEntry.objects.filter(user=gone).count() == 1

        self.client.post(list_of(User), {"action": "switch_off", **chosen})
        assert not User.objects.get(pk=gone.pk).is_active

    def test_nor_by_any_other_way(self) -> None:
        gone = staff("change_user")
        LogEntry.objects.log_actions(gone.pk, [alice()], 2, "Read.")

        with pytest.raises(ProtectedError), transaction.atomic():
            User.objects.filter(pk=gone.pk).delete()
        assert LogEntry.objects.filter(user=gone).exists()

    def test_an_account_without_entries_is_deleted(self) -> None:
        self.client.force_login(UserFactory.create(is_staff=True, is_superuser=True))
        gone = bob()

        self.client.post(page_of(gone, "delete"), {"post": "yes"})

        assert not User.objects.filter(pk=gone.pk).exists()


def staff(*permissions: str) -> User:
    """Creates a staff user with exactly these permissions; "view" means all permissions to view."""
    user = UserFactory.create(is_staff=True)
    user.user_permissions.set(
        permission
        for permission in Permission.objects.all()
        if permission.codename in permissions or permission.codename.partition("_")[0] in permissions
    )
    return user


def texts_of(model: type[Model]) -> list[tuple[str, tuple[str, ...]]]:
    """Returns the text fields of the model and of its related models."""
    paths: list[tuple[str, tuple[str, ...]]] = [
        (field.name, OWN) for field in model._meta.concrete_fields if is_text(field) and not field.primary_key
    ]
    for relation in model._meta.get_fields():
        related = relation.related_model
        if relation.is_relation and isinstance(related, type):
            paths += [
                (f"{relation.name}__{field.name}", RELATED) for field in related._meta.concrete_fields if is_text(field)
            ]
    return paths


def is_text(field: Any) -> bool:
    return isinstance(field, CharField | TextField)


def filters_of(model_admin: ModelAdmin[Any]) -> set[str]:
    """Returns the text fields that the list can be filtered by, such as a status."""
    model: type[Model] = model_admin.model
    names = {listed for listed in model_admin.list_filter if isinstance(listed, str)}
    found = set()
    for name in names:
        try:
            field: Field[Any, Any] | Any = model._meta.get_field(name)
        except FieldDoesNotExist:
            continue
        if is_text(field) and field.choices:
            found.add(name)
    return found


def list_of(model: type[Model]) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


def page_of(user: User, page: str) -> str:
    name = "auth_user_password_change" if page == "password_change" else f"accounts_user_{page}"
    return reverse(f"admin:{name}", args=[user.pk])
