"""Serializer and form fields for names and messages, which use the rules of core/validators.py."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from rest_framework import serializers
from rest_framework.fields import get_error_detail

from core.validators import clean_name, is_visible


class NameField(serializers.CharField):
    """A name or a title."""

    def to_internal_value(self, data: Any) -> str:
        try:
            return clean_name(super().to_internal_value(data))
        except ValidationError as error:
            raise serializers.ValidationError(get_error_detail(error)) from None


class MessageField(serializers.CharField):
    """Text that users read. It counts as empty if nothing of it can be seen."""

    def to_internal_value(self, data: Any) -> str:
        text: str = super().to_internal_value(data)
        if not is_visible(text):
            self.fail("blank")
        return text


class NameFormField(forms.CharField):
    """A name or a title."""

    def clean(self, value: Any) -> str:
        name: str = super().clean(value)
        return clean_name(name) if name else name


class MessageFormField(forms.CharField):
    """Text that users read."""

    def clean(self, value: Any) -> str:
        text: str = super().clean(value)
        if text and not is_visible(text):
            raise ValidationError(self.error_messages["required"], code="required")
        return text
