from django.contrib import admin
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest

from accounts.http import StaffRequest
from chat.models import ChatMember, ChatMessage, GroupChat
from chat.services.members import LastOwner, NotInRoom, remove_member_as_staff, transfer_ownership_as_staff
from chat.services.messages import MessageGone, delete_message_as_staff
from chat.services.rooms import delete_room_as_staff
from core.admin import ReadOnlyAdmin, annotated, counted, row_action


@admin.register(GroupChat)
class RoomAdmin(ReadOnlyAdmin[GroupChat]):
    actions = ["delete_selected"]
    list_display = ["title", "owner", "members", "created_at", "updated_at"]
    list_filter = ["updated_at", "created_at"]
    date_hierarchy = "created_at"
    search_fields = ["title"]
    search_help_text = "A room's id, or a part of its title. A user's rooms are linked on their own page."
    fields = ["title", "description", "created_at", "updated_at"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[GroupChat]:
        members = ChatMember.objects.all()
        owners = members.owners().filter(group_chat=OuterRef("pk")).order_by("pk").values("user__email")
        return (
            super()
            .get_queryset(request)
            .annotate(member_count=counted(members, "group_chat"), owner_email=Subquery(owners[:1]))
        )

    owner = annotated("owner_email", "owner")
    members = annotated("member_count", "members")

    def delete(self, request: StaffRequest, obj: GroupChat) -> None:
        delete_room_as_staff(obj, by=request.user)


@admin.register(ChatMember)
class MemberAdmin(ReadOnlyAdmin[ChatMember]):
    """Lists memberships. Deleting a membership removes the user from the room."""

    actions = ["transfer_ownership", "delete_selected"]
    list_display = ["user", "group_chat", "chat_role", "joined_at"]
    list_filter = ["chat_role", "joined_at"]
    list_select_related = ["user", "group_chat"]
    user_field = "user"
    search_fields = ["group_chat__title", "user__display_name"]
    search_help_text = "A part of the room's title or of the member's name, or the beginning of an e-mail up to its @."
    fields = ["user", "group_chat", "chat_role", "joined_at", "last_read_message_id"]
    refusals = {
        LastOwner: "is the room's last owner: make another member the owner first",
        NotInRoom: "was gone already",
    }

    @row_action(
        "Transfer ownership to them",
        "made the owner of their room",
        warning="The current owner stays as an admin.",
        applies_to=lambda member: not member.owns,
    )
    def transfer_ownership(self, request: StaffRequest, member: ChatMember) -> None:
        transfer_ownership_as_staff(member, by=request.user)

    def delete(self, request: StaffRequest, obj: ChatMember) -> None:
        remove_member_as_staff(obj, by=request.user)


@admin.register(ChatMessage)
class MessageAdmin(ReadOnlyAdmin[ChatMessage]):
    """Lists messages; only the page of a single message shows its text. Deleting a message empties its row but keeps
    it.
    """

    actions = ["delete_selected"]
    list_display = ["id", "group_chat", "author", "created_at", "is_edited", "is_deleted"]
    list_filter = ["is_edited", "is_deleted", "created_at"]
    list_select_related = ["group_chat", "author"]
    search_fields = ["author__email__startswith"]
    search_help_text = "A message's id, or the beginning of its author's e-mail."
    fields = ["group_chat", "author", "content", "created_at", "updated_at", "is_edited", "is_deleted"]
    is_private = True
    refusals = {MessageGone: "was deleted already"}

    def get_queryset(self, request: HttpRequest) -> QuerySet[ChatMessage]:
        return super().get_queryset(request).defer("content", "content_html", "search_text")

    def has_delete_permission(self, request: HttpRequest, obj: ChatMessage | None = None) -> bool:
        return super().has_delete_permission(request, obj) and not (obj and obj.is_deleted)

    def delete(self, request: StaffRequest, obj: ChatMessage) -> None:
        delete_message_as_staff(obj, by=request.user)
