from typing import Any

from rest_framework import serializers

from accounts.models import User


class UserSerializer(serializers.ModelSerializer[User]):
    """Somebody, to themself: others never see the e-mail."""

    class Meta:
        model = User
        fields = ("id", "email", "display_name")
        read_only_fields = ("email",)
        extra_kwargs = {"display_name": {"allow_blank": False}}

    def update(self, instance: User, validated_data: dict[str, Any]) -> User:
        instance.display_name = validated_data.get("display_name", instance.display_name)
        instance.save(update_fields=["display_name"])
        return instance
