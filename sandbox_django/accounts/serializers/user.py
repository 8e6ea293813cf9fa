from typing import Any

from rest_framework import serializers

from accounts.models import User
from accounts.services.attempts import NAME_CHANGES
from core.text_fields import NameField


class UserSerializer(serializers.ModelSerializer[User]):
    """The user's own account. The e-mail is never shown to other users."""

    display_name = NameField(max_length=80, required=False, help_text="The name other people see.")

    class Meta:
        model = User
        fields = ("id", "email", "display_name")
        read_only_fields = ("email",)

    def update(self, instance: User, validated_data: dict[str, Any]) -> User:
        name = validated_data.get("display_name", instance.display_name)
        if name != instance.display_name:
            NAME_CHANGES.hit(instance.pk)
            instance.display_name = name
            instance.save(update_fields=["display_name"])
        return instance
