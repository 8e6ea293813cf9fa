from importlib import import_module

from django.apps import AppConfig


class ChatConfig(AppConfig):
    name = "chat"
    verbose_name = "Group chat"

    def ready(self) -> None:
        import_module("chat.receivers")
