import re
from typing import Any

from django import forms
from rest_framework.exceptions import ValidationError as DRFValidationError

from core.text_fields import MessageFormField, NameFormField
from discussion.serializers.topic import MAX_LENGTH, MAX_TAGS, TagsField

TITLE_LENGTH = 200


class TextForm(forms.Form):
    """A text in Markdown."""

    content = MessageFormField(
        label="Text",
        max_length=MAX_LENGTH,
        widget=forms.Textarea(attrs={"rows": 8, "dir": "auto"}),
    )


class ReplyForm(TextForm):
    """A reply."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["content"].label = "Your reply"
        self.fields["content"].widget.attrs["rows"] = 5


class TopicForm(TextForm):
    """A topic: title, text and tags."""

    title = NameFormField(
        max_length=TITLE_LENGTH,
        widget=forms.TextInput(attrs={"autocomplete": "off", "dir": "auto"}),
    )
    tags = forms.CharField(
        required=False,
        help_text=f"Up to {MAX_TAGS} tags, separated by spaces.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "off", "spellcheck": "false"}),
    )

    field_order = ("title", "content", "tags")

    def clean_tags(self) -> list[str]:
        names = [name for name in re.split(r"[\s,]+", self.cleaned_data["tags"]) if name]
        try:
            tags: list[str] = TagsField(max_length=MAX_TAGS).run_validation(names)
        except DRFValidationError:
            raise forms.ValidationError(
                f"At most {MAX_TAGS} tags of 30 characters: letters, digits, and . + # - between them."
            ) from None
        return tags
