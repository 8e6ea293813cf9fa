from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator, validate_email
from django.db import models
from rest_framework import serializers

ASCII_ONLY = "Before the @, an e-mail address may only have letters of the English alphabet, digits and signs."


def validate_account_email(value: str) -> None:
    """Django's validator, which rejects other letters before the @ too, but gives no reason.

    Many mail servers refuse such addresses, so that a reset link would never arrive.
    """
    local_part, at, _ = value.rpartition("@")
    if at and not local_part.isascii():
        raise ValidationError(ASCII_ONLY, code="email_not_ascii")
    validate_email(value)


class AccountEmailFormField(forms.EmailField):
    default_validators = [validate_account_email]


class AccountEmailSerializerField(serializers.EmailField):
    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        others = [validator for validator in self.validators if not isinstance(validator, EmailValidator)]
        self.validators = [*others, validate_account_email]


class LowerCaseEmailField(models.EmailField[str, str]):
    """An e-mail that is the same however it is typed: lower-cased when it is stored and when it is looked up."""

    default_validators = [validate_account_email]

    def formfield(self, **options: Any) -> Any:
        return super().formfield(**{"form_class": AccountEmailFormField, **options})

    def to_python(self, value: Any) -> Any:
        value = super().to_python(value)
        return value.lower() if isinstance(value, str) else value

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        value = self.to_python(super().pre_save(model_instance, add))
        setattr(model_instance, self.attname, value)
        return value
