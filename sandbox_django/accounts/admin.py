from typing import Any

from django.contrib import admin
from django.contrib.admin import AdminSite
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.forms import AdminUserCreationForm
from django.contrib.auth.models import Group
from django.db.models import ProtectedError, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.forms import AdminLoginForm, ResetForm
from accounts.models import SignIn, User
from accounts.services.sign_ins import sign_out, sign_out_everywhere
from core.admin import OperatorAdmin, ReadOnlyAdmin, annotated, counted, row_action
from core.cpu_bound import hashes
from core.text_fields import NameFormField

admin.site.login_form = AdminLoginForm
# These views of Django hash a password.
for view in (
    AdminSite.login,
    AdminSite.password_change,
    DjangoUserAdmin.add_view,
    DjangoUserAdmin.user_change_password,
):
    hashes(view)

RIGHTS = ("is_staff", "is_superuser", "groups", "user_permissions")


class UserCreationForm(AdminUserCreationForm[User]):
    class Meta:
        model = User
        fields = ("email", "display_name")


@admin.register(User)
class UserAdmin(OperatorAdmin[User], DjangoUserAdmin[User]):
    add_form = UserCreationForm
    actions = ["sign_out", "send_link", "switch_off", "switch_on", "delete_selected"]
    list_display = ["email", "display_name", "is_active", "is_staff", "devices", "date_joined", "last_login"]
    list_filter = ["is_active", "is_staff", "is_superuser", "date_joined", "last_login"]
    date_hierarchy = "date_joined"
    search_fields = ["email", "display_name"]
    search_help_text = "A part of the e-mail or the name, or an id."
    ordering = ("email",)
    sortable_by = ("email", "display_name", "date_joined", "last_login")
    readonly_fields = ["password_of", "date_joined", "last_login"]
    fieldsets = (
        (None, {"fields": ("email", "display_name", "is_active", "password_of")}),
        ("Rights", {"fields": RIGHTS}),
        ("Dates", {"fields": ("date_joined", "last_login")}),
    )
    add_fieldsets = (
        (
            None,
            {"classes": ("wide",), "fields": ("email", "display_name", "usable_password", "password1", "password2")},
        ),
    )

    refusals = {ProtectedError: "has entries in the admin's log, which would be deleted too: switch the account off"}

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        return super().get_queryset(request).annotate(devices=counted(SignIn.objects.all(), "user"))

    # Staff with permissions on users must not be able to raise their own permissions or to change other staff accounts.

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "display_name":
            kwargs["form_class"] = NameFormField
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> Any:
        fields = [*super().get_readonly_fields(request, obj)]
        if obj == request.user:
            fields.append("is_active")  # users can't deactivate themselves
        return fields if request.user.is_superuser else [*fields, *RIGHTS]

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return super().has_change_permission(request, obj) and _may_touch(request, obj)

    def has_moderate_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return super().has_moderate_permission(request, obj) and _may_touch(request, obj) and obj != request.user

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return super().has_delete_permission(request, obj) and _may_touch(request, obj) and obj != request.user

    devices = annotated("devices", "devices")

    @admin.display(description="password")
    def password_of(self, user: User) -> SafeString:
        """Shows whether the user has a password, but no part of its hash."""
        state = "Set" if user.has_usable_password() else "None: signing in is impossible"
        return format_html("{}. <a href='../password/'>Set another one</a>", state)

    @row_action("Sign out on every device", "signed out", warning="Their open pages close, and tokens end.")
    def sign_out(self, request: HttpRequest, user: User) -> None:
        sign_out_everywhere(user)

    @row_action(
        "Send a link for a new password",
        "sent a link",
        applies_to=lambda user: user.is_active and user.has_usable_password(),
    )
    def send_link(self, request: HttpRequest, user: User) -> None:
        form = ResetForm({"email": user.email})
        form.is_valid()
        form.save(request=request, use_https=request.is_secure())

    @row_action(
        "Switch off",
        "switched off",
        warning="They are signed out everywhere and can't sign in until they are switched on again.",
        applies_to=lambda user: user.is_active,
    )
    def switch_off(self, request: HttpRequest, user: User) -> None:
        self._switch(request, user, is_active=False)

    @row_action("Switch on again", "switched on", applies_to=lambda user: not user.is_active)
    def switch_on(self, request: HttpRequest, user: User) -> None:
        self._switch(request, user, is_active=True)

    def _switch(self, request: HttpRequest, user: User, *, is_active: bool) -> None:
        user.is_active = is_active
        user.save(update_fields=["is_active"])  # a receiver (accounts/receivers.py) then ends the user's devices

    def delete(self, request: HttpRequest, obj: User) -> None:
        obj.delete()


def _may_touch(request: HttpRequest, obj: User | None) -> bool:
    return obj is None or request.user.is_superuser or not (obj.is_staff or obj.is_superuser)


admin.site.unregister(Group)


@admin.register(Group)
class GroupAdmin(OperatorAdmin[Group], DjangoGroupAdmin):
    """The permissions of groups. Only superusers change them, since staff could extend the group that they are in."""

    ordering = ("name",)
    sortable_by = ("name",)

    def get_readonly_fields(self, request: HttpRequest, obj: Group | None = None) -> Any:
        fields = super().get_readonly_fields(request, obj)
        return fields if request.user.is_superuser else [*fields, "permissions"]

    def delete(self, request: HttpRequest, obj: Group) -> None:
        obj.delete()


@admin.register(SignIn)
class SignInAdmin(ReadOnlyAdmin[SignIn]):
    """Lists signed-in devices. Deleting a row ends that device's session, tokens and sockets."""

    actions = ["delete_selected"]
    list_display = ["user", "browser", "created_at", "used_at"]
    list_filter = ["used_at"]
    list_select_related = ["user"]
    date_hierarchy = "used_at"
    search_fields = ["user__email__startswith", "user__display_name"]
    search_help_text = "The beginning of an e-mail, or a part of a name."
    ordering = ("-used_at",)
    fields = ["user", "browser", "created_at", "used_at"]

    def delete(self, request: HttpRequest, obj: SignIn) -> None:
        sign_out(obj.pk)
