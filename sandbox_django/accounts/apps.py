from importlib import import_module

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"

    def ready(self) -> None:
        # They announce themselves when loaded, and need the models, which are not there yet when this file is read.
        for module in ("accounts.openapi", "accounts.receivers"):
            import_module(module)
