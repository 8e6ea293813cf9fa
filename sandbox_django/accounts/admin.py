from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.forms import AdminUserCreationForm
from django.http import HttpRequest

from accounts.forms import AdminLoginForm
from accounts.models import SignIn, User

admin.site.login_form = AdminLoginForm


class UserCreationForm(AdminUserCreationForm[User]):
    class Meta:
        model = User
        fields = ("email", "display_name")


@admin.register(User)
class UserAdmin(DjangoUserAdmin[User]):
    add_form = UserCreationForm
    list_display = ("email", "display_name", "is_active", "is_staff", "date_joined", "last_login")
    list_filter = ("is_active", "is_staff", "is_superuser")
    search_fields = ("email", "display_name")
    ordering = ("email",)
    readonly_fields = ("date_joined", "last_login")
    fieldsets = (
        (None, {"fields": ("email", "display_name", "password")}),
        ("Rights", {"fields": ("is_active", "is_staff", "is_superuser", "groups", "user_permissions")}),
        ("Dates", {"fields": ("date_joined", "last_login")}),
    )
    add_fieldsets = (
        (
            None,
            {"classes": ("wide",), "fields": ("email", "display_name", "usable_password", "password1", "password2")},
        ),
    )


@admin.register(SignIn)
class SignInAdmin(admin.ModelAdmin[SignIn]):
    """Deleting one ends that device's session, tokens and sockets."""

    list_display = ("user", "browser", "created_at", "used_at")
    search_fields = ("user__email", "user__display_name")
    ordering = ("-used_at",)
    readonly_fields = ("user", "browser", "created_at", "used_at")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False
