from importlib import import_module

from django.apps import AppConfig


class ChatConfig(AppConfig):
    name = "chat"
    verbose_name = "Group chat"

    def ready(self) -> None:
        for module in ("chat.openapi", "chat.receivers"):
            import_module(module)
