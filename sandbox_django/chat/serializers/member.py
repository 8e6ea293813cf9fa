from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.models import User
from chat.models import ChatMember
from chat.models.room import ChatRole


@extend_schema_field(serializers.CharField(help_text="E-mail for oneself and those who manage the room, or name."))
class PersonField(serializers.EmailField):
    """Written as an e-mail; read as one by whoever may, and as a display name by the others."""

    def get_attribute(self, instance: ChatMember) -> str:
        viewer: ChatMember = self.context["viewer"]
        if viewer.may_manage or viewer.user_id == instance.user_id:
            return instance.user.email
        return instance.user.display_name


class SenderSerializer(serializers.ModelSerializer[ChatMember]):
    """Somebody in a room, as the one who looks may know them."""

    user = PersonField(max_length=254)
    display_name = serializers.CharField(source="user.display_name", read_only=True)

    class Meta:
        model = ChatMember
        fields = ["id", "user", "display_name", "chat_role", "user_id"]
        read_only_fields = fields


class MemberSerializer(SenderSerializer):
    """The same, with how far they have read."""

    chat_role = serializers.ChoiceField(choices=ChatRole.choices, default=ChatRole.MEMBER)

    class Meta(SenderSerializer.Meta):
        fields = [*SenderSerializer.Meta.fields, "last_read_message_id"]
        read_only_fields = ["id", "last_read_message_id"]

    def validate_user(self, email: str) -> User:
        # Whoever is switched off can't come in; whether they have an account is nobody's business.
        user = User.objects.filter(email=email, is_active=True).first()
        if user is None:
            raise serializers.ValidationError("Nobody here has this e-mail.", code="unknown_person")
        return user


class RoleSerializer(MemberSerializer):
    """For changing what somebody may do; who they are stays."""

    chat_role = serializers.ChoiceField(choices=ChatRole.choices)

    class Meta(MemberSerializer.Meta):
        read_only_fields = [*MemberSerializer.Meta.read_only_fields, "user"]
