"""Error messages of forms are written for users. They name no constraints, and each mistake gets one message."""

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.db.models import BaseConstraint, Model
from django.forms import ModelForm, modelform_factory
from django.test import RequestFactory, TestCase

from accounts.factories.user import UserFactory
from accounts.forms import AccountForm, RegistrationForm
from accounts.models import User
from chat.forms import NewRoomForm, RoomForm
from test_utils.users import alice

FORMS: list[type[ModelForm[Any]]] = [RegistrationForm, AccountForm, RoomForm, NewRoomForm]
TAKEN = ["An account with this e-mail already exists. Sign in or reset your password."]


class ConstraintTests(TestCase):
    def test_each_constraint_that_a_form_may_violate_has_a_message_of_its_own(self) -> None:
        constraints = list(self.reachable())

        assert [model for model, _ in constraints] == [User] * len(constraints)
        assert constraints
        for _, constraint in constraints:
            assert constraint.violation_error_message != BaseConstraint.default_violation_error_message

    def test_a_taken_e_mail_is_reported_once_wherever_it_is_entered(self) -> None:
        alice()
        staff = UserFactory.create(is_staff=True, is_superuser=True)
        self.client.force_login(staff)
        bob = UserFactory.create()
        email = "ALICE@example.com"

        added = self.client.post(
            "/admin/accounts/user/add/",
            {"email": email, "usable_password": "false", "password1": "", "password2": ""},
        )
        changed = self.client.post(
            f"/admin/accounts/user/{bob.pk}/change/", {"email": email, "display_name": "Bob", "is_active": "on"}
        )

        for response in (added, changed):
            assert response.context["adminform"].form.errors == {"email": TAKEN}
        form = modelform_factory(User, fields=["email"])({"email": email})
        assert form.errors == {"email": TAKEN}

    def reachable(self) -> Iterator[tuple[type[Model], BaseConstraint]]:
        request = RequestFactory().get("/")
        request.user = UserFactory.create(is_staff=True, is_superuser=True)
        forms = [form._meta.model for form in FORMS]
        for model, model_admin in admin.site._registry.items():
            if model_admin.has_add_permission(request) or model_admin.has_change_permission(request):
                forms.append(model)
        for model in {model for model in forms if model is not None}:
            for constraint in model._meta.constraints:
                yield model, constraint
