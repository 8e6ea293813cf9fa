from contextlib import suppress
from typing import Any

import idna
from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator, validate_email
from django.db import models
from rest_framework import serializers

ASCII_ONLY = "Before the @, an e-mail address may only have letters of the English alphabet, digits and signs."
INVALID_DOMAIN = "The part of this e-mail address after the @ isn't a valid domain."
MAX_DOMAIN_LENGTH = 253


def validate_account_email(value: str) -> None:
    """Does the same as Django's `validate_email`, but explains errors about letters outside ASCII.

    Django rejects such letters before the @ as well. Many mail servers refuse these addresses, so a reset link would
    never arrive.
    """
    local_part, at, domain = canonical_email(value).rpartition("@")
    if at and not local_part.isascii():
        raise ValidationError(ASCII_ONLY, code="email_not_ascii")
    if at and not domain.isascii():
        raise ValidationError(INVALID_DOMAIN, code="email_domain_invalid")
    validate_email(value)


def canonical_email(value: str) -> str:
    """Returns the spelling in which an e-mail address is stored and compared: lower case, with an ASCII domain
    (`xn--…`).
    """
    local_part, at, domain = value.lower().rpartition("@")
    if not domain.isascii() and len(domain) <= MAX_DOMAIN_LENGTH:
        with suppress(UnicodeError):  # this isn't a domain, and the validator rejects it
            domain = idna.encode(domain, uts46=True).decode()
    return f"{local_part}{at}{domain}"


class AccountEmailFormField(forms.EmailField):
    default_validators = [validate_account_email]

    def to_python(self, value: Any) -> str:
        return canonical_email(super().to_python(value) or "")


class AccountEmailSerializerField(serializers.EmailField):
    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        others = [validator for validator in self.validators if not isinstance(validator, EmailValidator)]
        self.validators = [*others, validate_account_email]

    def to_internal_value(self, data: Any) -> str:
        return canonical_email(super().to_internal_value(data))


class LowerCaseEmailField(models.EmailField[str, str]):
    """An e-mail address that is stored and looked up in its canonical spelling (`canonical_email`)."""

    default_validators = [validate_account_email]

    def formfield(self, **options: Any) -> Any:
        return super().formfield(**{"form_class": AccountEmailFormField, **options})

    def to_python(self, value: Any) -> Any:
        value = super().to_python(value)
        return canonical_email(value) if isinstance(value, str) else value

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        value = self.to_python(super().pre_save(model_instance, add))
        setattr(model_instance, self.attname, value)
        return value
