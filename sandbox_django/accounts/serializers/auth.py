"""The bodies of requests and responses for signing in, registering and changing passwords."""

from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError as InvalidPassword
from rest_framework import serializers
from rest_framework.fields import get_error_detail

from accounts.fields import AccountEmailSerializerField
from accounts.models import User
from accounts.serializers.user import UserSerializer
from accounts.services.sign_ins import WrongOldPassword, confirm_password
from core.text_fields import NameField

MAX_PASSWORD_LENGTH = 1024


class PasswordField(serializers.CharField):
    def __init__(self, **options: Any) -> None:
        super().__init__(
            write_only=True,
            trim_whitespace=False,
            max_length=MAX_PASSWORD_LENGTH,
            style={"input_type": "password"},
            **options,
        )


class LoginSerializer(serializers.Serializer[User]):
    email = serializers.EmailField()
    password = PasswordField()


class RegistrationSerializer(serializers.Serializer[User]):
    """Registration. Programs send `password`; forms send it twice, because typing errors can't be seen there."""

    email = AccountEmailSerializerField(
        max_length=254,
        help_text="An internationalised domain is stored in its ASCII form (`xn--…`); both spellings log in.",
    )
    password = PasswordField(required=False)
    password1 = PasswordField(required=False)
    password2 = PasswordField(required=False)
    display_name = NameField(max_length=80, required=False, allow_blank=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        user = User(email=attrs["email"], display_name=attrs.get("display_name", ""))
        if not attrs.keys() & {"password", "password1", "password2"}:
            raise serializers.ValidationError({"password": self.error_messages["required"]}, code="required")
        if "password" not in attrs and (missing := {"password1", "password2"} - attrs.keys()):
            raise serializers.ValidationError({missing.pop(): self.error_messages["required"]}, code="required")
        first = "password" if "password" in attrs else "password1"
        for again in attrs.keys() & {"password1", "password2"}:
            check_repeated(attrs, first, again)
        check_strength(user, attrs, first)
        return {**attrs, "password": attrs[first]}


class NewPasswordSerializer(serializers.Serializer[User]):
    """A new password, entered twice, for the user in the context."""

    new_password1 = PasswordField()
    new_password2 = PasswordField()

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        check_repeated(attrs, "new_password1", "new_password2")
        check_strength(self.context["user"], attrs, "new_password1")
        return attrs


class PasswordChangeSerializer(NewPasswordSerializer):
    old_password = PasswordField()

    def validate_old_password(self, password: str) -> str:
        try:
            confirm_password(self.context["user"], password)
        except WrongOldPassword as refusal:  # reported as an error of this field, beside the errors of other fields
            raise serializers.ValidationError(str(refusal), refusal.code) from None
        return password


class PasswordResetSerializer(serializers.Serializer[User]):
    email = serializers.EmailField()


class ResetLinkSerializer(serializers.Serializer[User]):
    uid = serializers.CharField()
    token = serializers.CharField()


class ResetConfirmSerializer(ResetLinkSerializer, NewPasswordSerializer):
    """The schema of the whole body. The view checks the link first, because the link determines the user."""


class TokenSerializer(serializers.Serializer[Any]):
    token = serializers.CharField()


class RefreshSerializer(serializers.Serializer[Any]):
    refresh = serializers.CharField(required=False, help_text="Browsers leave it out: their cookie has it.")


class LogoutSerializer(RefreshSerializer):
    all_devices = serializers.BooleanField(default=False)


class TokensSerializer(serializers.Serializer[Any]):
    access = serializers.CharField()
    refresh = serializers.CharField()


class SignedInSerializer(TokensSerializer):
    user = UserSerializer()


class DetailSerializer(serializers.Serializer[Any]):
    detail = serializers.CharField()


def check_repeated(attrs: dict[str, Any], first: str, again: str) -> None:
    if attrs[first] != attrs[again]:
        raise serializers.ValidationError({again: "The two passwords differ."}, code="password_mismatch")


def check_strength(user: User, attrs: dict[str, Any], name: str) -> None:
    try:
        validate_password(attrs[name], user=user)
    except InvalidPassword as refusal:
        raise serializers.ValidationError({name: get_error_detail(refusal)}) from None
