"""Model fields that compute their value when the row is saved."""

from collections.abc import Iterable
from typing import Any

from django.db import models
from django.utils import timezone

from core.search_text import searchable


class SearchTextField(models.TextField[str, str]):
    """The normalised text of other fields of the row, one line for each (`core.search_text`)."""

    def __init__(self, *sources: str, **kwargs: Any) -> None:
        self.sources = sources
        # The database default is for processes of the previous release during an upgrade.
        usual: dict[str, Any] = {"blank": True, "editable": False, "default": "", "db_default": ""}
        super().__init__(**usual | kwargs)

    def deconstruct(self) -> Any:
        name, path, _, kwargs = super().deconstruct()
        return name, path, self.sources, kwargs

    def pre_save(self, model_instance: models.Model, add: bool) -> str:
        text = self.text_of([getattr(model_instance, source) for source in self.sources])
        setattr(model_instance, self.attname, text)
        return text

    @staticmethod
    def text_of(values: Iterable[str]) -> str:
        return "\n".join(map(searchable, values))


class Searchable(models.Model):
    """A row with a `search_text`, which is updated whenever one of its sources is saved."""

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        field = self._meta.get_field("search_text")
        assert isinstance(field, SearchTextField)
        update_fields = kwargs.get("update_fields")
        if update_fields is not None and not set(field.sources).isdisjoint(update_fields):
            kwargs["update_fields"] = {*update_fields, field.name}
        super().save(*args, **kwargs)


class ActivityField(models.DateTimeField[Any, Any]):
    """The time of a row's last activity, by which lists are ordered. It is set whenever the whole row is saved."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("default", timezone.now)
        super().__init__(*args, **kwargs)

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        if not add:
            setattr(model_instance, self.attname, timezone.now())
        return super().pre_save(model_instance, add)
