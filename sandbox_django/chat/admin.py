from django.contrib import admin

from chat.models import ChatMember, ChatMessage, GroupChat


@admin.register(GroupChat)
class RoomAdmin(admin.ModelAdmin[GroupChat]):
    list_display = ["title", "created_at", "updated_at"]
    search_fields = ["title", "members__user__email"]


@admin.register(ChatMember)
class MemberAdmin(admin.ModelAdmin[ChatMember]):
    list_display = ["user", "group_chat", "chat_role", "joined_at"]
    list_filter = ["chat_role"]
    list_select_related = ["user", "group_chat"]
    search_fields = ["user__email", "user__display_name", "group_chat__title"]
    raw_id_fields = ["user", "group_chat"]


@admin.register(ChatMessage)
class MessageAdmin(admin.ModelAdmin[ChatMessage]):
    list_display = ["id", "group_chat", "author", "created_at", "is_edited", "is_deleted"]
    list_filter = ["is_edited", "is_deleted"]
    list_select_related = ["group_chat", "author"]
    search_fields = ["content", "author__email", "group_chat__title"]
    raw_id_fields = ["group_chat", "author"]
    show_full_result_count = False  # there may be millions
