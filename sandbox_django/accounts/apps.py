from importlib import import_module

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"

    def ready(self) -> None:
        # Importing these modules registers receivers and OpenAPI extensions. They import models, so they can't be
        # imported at the top of this file.
        for module in ("accounts.openapi", "accounts.receivers"):
            import_module(module)
