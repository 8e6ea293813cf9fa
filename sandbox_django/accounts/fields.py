from typing import Any

from django.db import models


class LowerCaseEmailField(models.EmailField[str, str]):
    """An e-mail that is the same however it is typed: lower-cased when it is stored and when it is looked up."""

    def to_python(self, value: Any) -> Any:
        value = super().to_python(value)
        return value.lower() if isinstance(value, str) else value

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        value = self.to_python(super().pre_save(model_instance, add))
        setattr(model_instance, self.attname, value)
        return value
