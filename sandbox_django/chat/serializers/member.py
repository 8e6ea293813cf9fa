from typing import Any

from django.core.validators import validate_email
from rest_framework import serializers

from accounts.models import User
from chat.models import ChatMember
from chat.models.room import ChatRole


class UserField(serializers.CharField):
    """A user. Requests name a user by e-mail. Responses show the e-mail to those who may see it, and otherwise the
    name.
    """

    def to_internal_value(self, data: Any) -> str:
        email: str = super().to_internal_value(data)
        validate_email(email)
        return email

    def get_attribute(self, instance: ChatMember) -> str:
        viewer: ChatMember = self.context["viewer"]
        if viewer.may_manage or viewer.user_id == instance.user_id:
            return instance.user.email
        return instance.user.display_name


class SenderSerializer(serializers.ModelSerializer[ChatMember]):
    """A member. The e-mail is shown only to managers and to the member."""

    user = UserField(max_length=254)
    display_name = serializers.CharField(source="user.display_name", read_only=True)

    class Meta:
        model = ChatMember
        fields = ["id", "user", "display_name", "chat_role", "user_id"]
        read_only_fields = fields


class MemberSerializer(SenderSerializer):
    """A member with their role and read position."""

    chat_role = serializers.ChoiceField(choices=ChatRole.choices, default=ChatRole.MEMBER)

    class Meta(SenderSerializer.Meta):
        fields = [*SenderSerializer.Meta.fields, "last_read_message_id"]
        read_only_fields = ["id", "last_read_message_id"]

    def validate_user(self, email: str) -> User:
        # The error for a deactivated user is the same as for an unknown e-mail.
        user = User.objects.filter(email=email, is_active=True).first()
        if user is None:
            raise serializers.ValidationError("Nobody here has this e-mail.", code="unknown_person")
        return user


class RoleSerializer(MemberSerializer):
    """A change of a member's role."""

    user = UserField(read_only=True)
    chat_role = serializers.ChoiceField(choices=ChatRole.choices)
