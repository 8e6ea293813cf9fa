"""What is said at the doors, and what they answer."""

from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError as PasswordRefused
from rest_framework import serializers
from rest_framework.fields import get_error_detail

from accounts.models import User
from accounts.serializers.user import UserSerializer

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
    email = serializers.EmailField(max_length=254)
    password1 = PasswordField()
    password2 = PasswordField()
    display_name = serializers.CharField(max_length=80, required=False, allow_blank=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        person = User(email=attrs["email"], display_name=attrs.get("display_name", ""))
        check_new_password(person, attrs, "password1", "password2")
        return attrs


class NewPasswordSerializer(serializers.Serializer[User]):
    """A new password, twice, for the person in the context."""

    new_password1 = PasswordField()
    new_password2 = PasswordField()

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        check_new_password(self.context["person"], attrs, "new_password1", "new_password2")
        return attrs


class PasswordChangeSerializer(NewPasswordSerializer):
    old_password = PasswordField()

    def validate_old_password(self, password: str) -> str:
        if not self.context["person"].check_password(password):
            raise serializers.ValidationError("This is not your password.", code="wrong_password")
        return password


class PasswordResetSerializer(serializers.Serializer[User]):
    email = serializers.EmailField()


class ResetLinkSerializer(serializers.Serializer[User]):
    uid = serializers.CharField()
    token = serializers.CharField()


class ResetConfirmSerializer(ResetLinkSerializer, NewPasswordSerializer):
    """Both at once, for the schema: the link is checked first, since it says whose password it is."""


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


def check_new_password(person: User, attrs: dict[str, Any], first: str, second: str) -> None:
    if attrs[first] != attrs[second]:
        raise serializers.ValidationError({second: "The two passwords differ."}, code="password_mismatch")
    try:
        validate_password(attrs[first], user=person)
    except PasswordRefused as refusal:
        raise serializers.ValidationError({first: get_error_detail(refusal)}) from None
