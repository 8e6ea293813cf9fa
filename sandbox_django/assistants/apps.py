from importlib import import_module

from core.features import Feature, HomeItem, NavigationItem, SocketDocs


class AssistantsConfig(Feature):
    name = "assistants"
    verbose_name = "AI assistant"
    prefix = "assistants"
    navigation = NavigationItem(
        label="Assistant", url_name="assistant_chat", icon="core/icons/assistant.html", position=2
    )
    home = HomeItem(
        title="An assistant",
        text="Ask it anything. Answers stream in as they are written, and survive a dropped connection.",
        action="Try the assistant",
    )
    api_tags = {
        "Assistant": "My conversations with the assistant.",
        "Anonymous assistant": "The same without an account, for everyone with the link.",
    }
    path_parameters = {
        "conversations": ("conversationId", "One of my conversations."),
        "anonymous": ("conversationId", "A conversation without owner."),
        "messages": ("messageId", "A message."),
    }
    enum_names = {"AnswerStatus": "assistants.models.assistant_message.Status"}
    sockets = {
        "assistants": SocketDocs(
            id_description="Id of the conversation, a UUID.",
            id_example="0b5f1f0e-8a53-4f0c-9d55-6f2f1f6a1c11",
            closing_codes=frozenset({4404}),
        )
    }
    at_start = ["assistants.services.ai_service.warm_up"]
    queued_jobs = ["assistants.tasks.assistant_tasks.task_handle_new_assistant_message"]

    def ready(self) -> None:
        super().ready()
        for module in ("assistants.metrics", "assistants.openapi", "assistants.receivers"):
            import_module(module)
