from django.contrib import admin

from assistants.models import AssistantConversation, AssistantMessage, TokenSpending


@admin.register(AssistantConversation)
class ConversationAdmin(admin.ModelAdmin[AssistantConversation]):
    list_display = ["__str__", "user", "created_at", "updated_at"]
    list_select_related = ["user"]
    search_fields = ["id", "title", "user__email"]
    raw_id_fields = ["user"]


@admin.register(AssistantMessage)
class MessageAdmin(admin.ModelAdmin[AssistantMessage]):
    list_display = ["id", "conversation", "message_type", "status", "error", "model", "created_at"]
    list_filter = ["message_type", "status", "error"]
    list_select_related = ["conversation"]
    search_fields = ["content", "conversation__id"]
    raw_id_fields = ["conversation", "question"]


@admin.register(TokenSpending)
class SpendingAdmin(admin.ModelAdmin[TokenSpending]):
    list_display = ["spender", "day", "tokens"]
    list_filter = ["day"]
    search_fields = ["spender"]
