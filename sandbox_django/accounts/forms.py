import asyncio
from typing import Any

from django import forms
from django.conf import settings
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth.forms import AuthenticationForm, BaseUserCreationForm, PasswordChangeForm, PasswordResetForm

from accounts.fields import AccountEmailFormField
from accounts.models import User
from accounts.services.attempts import NAME_CHANGES, RESET_MAILS
from accounts.services.sign_ins import WrongPassword, authenticate_user, confirm_password
from core.errors import Refused
from core.text_fields import NameFormField
from core.throttling import RateLimited
from runtime import jobs


class LimitedSignIn(AuthenticationForm):
    """A sign-in form that limits wrong passwords."""

    def clean(self) -> dict[str, Any]:
        email, password = self.cleaned_data.get("username"), self.cleaned_data.get("password")
        if email and password and self.request:
            try:
                self.user_cache = authenticate_user(self.request, email=email, password=password)
            except WrongPassword:
                raise self.get_invalid_login_error() from None
            except RateLimited as limit:
                raise limit.form_error() from None
            self.confirm_login_allowed(self.user_cache)
        return self.cleaned_data


class LoginForm(LimitedSignIn):
    error_messages = {"invalid_login": WrongPassword.default_detail}
    username = forms.EmailField(
        label="E-mail", max_length=254, widget=forms.EmailInput(attrs={"autofocus": True, "autocomplete": "username"})
    )


class AdminLoginForm(LimitedSignIn, AdminAuthenticationForm):
    """The admin's sign-in form. It accepts only staff."""


class LimitedPasswordChange(PasswordChangeForm):
    """A form that changes the password. It limits how many wrong old passwords a user may enter."""

    def clean_old_password(self) -> str:
        try:
            confirm_password(self.user, self.cleaned_data["old_password"])
        except Refused as refusal:
            raise refusal.form_error() from None
        return str(self.cleaned_data["old_password"])


class RegistrationForm(BaseUserCreationForm[User]):
    class Meta:
        model = User
        fields = ("email", "display_name")
        field_classes = {"display_name": NameFormField}
        labels = {"email": "E-mail", "display_name": "Name"}
        help_texts = {
            "display_name": "The name other people see. "
            "If you leave it empty, we use the part of your e-mail before the @."
        }
        widgets = {
            "email": forms.EmailInput(attrs={"autofocus": True, "autocomplete": "username"}),
            "display_name": forms.TextInput(attrs={"autocomplete": "nickname"}),
        }


class AccountForm(forms.ModelForm[User]):
    display_name = NameFormField(label="Name", max_length=80, help_text="The name other people see.")

    class Meta:
        model = User
        fields = ("display_name",)

    def clean(self) -> dict[str, Any]:
        if self.has_changed() and not self.errors:
            try:
                NAME_CHANGES.hit(self.instance.pk)
            except RateLimited as limit:
                raise limit.form_error() from None
        return super().clean() or self.cleaned_data


class ResetForm(PasswordResetForm):
    """Mails a reset link if the account exists. The response doesn't reveal whether it does."""

    email = AccountEmailFormField(
        label="E-mail", max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "email"})
    )

    def save(self, *args: Any, **options: Any) -> None:
        try:
            RESET_MAILS.hit(self.cleaned_data["email"])
        except RateLimited:
            return  # this address got too many mails; the response doesn't reveal that
        options |= {
            "subject_template_name": "accounts/password_reset_subject.txt",
            "email_template_name": "accounts/password_reset_email.txt",
            "extra_email_context": {"site_name": settings.SITE_NAME},
        }
        super().save(*args, **options)

    def send_mail(self, *args: Any, **options: Any) -> None:
        # Sent in a background job, since mail servers are slow: a slower response would reveal that the account exists.
        jobs.start(asyncio.to_thread, super().send_mail, *args, **options)
