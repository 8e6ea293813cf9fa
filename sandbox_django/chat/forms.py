from typing import Any

from django import forms

from accounts.models import User
from chat.models import ChatMember, GroupChat
from chat.models.room import ChatRole
from core.text_fields import NameFormField


class RoomForm(forms.ModelForm[GroupChat]):
    """The title and description of a room."""

    class Meta:
        model = GroupChat
        fields = ("title", "description")
        field_classes = {"title": NameFormField}
        labels = {"title": "Name", "description": "Description"}
        widgets = {
            "title": forms.TextInput(attrs={"autocomplete": "off", "dir": "auto"}),
            "description": forms.Textarea(attrs={"rows": 3, "dir": "auto"}),
        }


class NewRoomForm(forms.ModelForm[GroupChat]):
    """Creates a room. The description is optional."""

    class Meta:
        model = GroupChat
        fields = ("title", "description")
        field_classes = {"title": NameFormField}
        labels = {"title": "Room name", "description": "Description (optional)"}
        widgets = {
            "title": forms.TextInput(attrs={"autocomplete": "off", "dir": "auto", "placeholder": "Tea corner"}),
            "description": forms.Textarea(attrs={"rows": 2, "dir": "auto"}),
        }


class AddMemberForm(forms.Form):
    """Adds the user with this e-mail to a room."""

    user = forms.EmailField(
        label="E-mail",
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "off", "placeholder": "bob@example.com"}),
    )

    # If a request leaves it out, the user becomes a plain member.
    role = forms.TypedChoiceField(label="Role", coerce=int, required=False, empty_value=None, initial=ChatRole.MEMBER)

    def __init__(self, *args: Any, by: ChatMember, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # A member can't give a role above their own.
        given = [choice for choice in ChatRole.choices if choice[0] >= by.chat_role]
        self.fields["role"].choices = given[::-1]  # type: ignore[attr-defined]  # it is a choice field

    def clean_user(self) -> User:
        # The error for a deactivated user is the same as for an unknown e-mail.
        user = User.objects.filter(email=self.cleaned_data["user"], is_active=True).first()
        if user is None:
            raise forms.ValidationError("No account uses this e-mail. Ask them to sign up first.")
        return user


class RoleForm(forms.Form):
    """The role of a member."""

    chat_role = forms.TypedChoiceField(coerce=int, choices=ChatRole.choices)
