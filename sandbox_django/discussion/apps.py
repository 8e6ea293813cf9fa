from importlib import import_module

from django.apps import AppConfig


class DiscussionConfig(AppConfig):
    name = "discussion"
    verbose_name = "Discussion"

    def ready(self) -> None:
        for module in ("discussion.openapi", "discussion.receivers"):
            import_module(module)
