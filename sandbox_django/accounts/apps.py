from importlib import import_module

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"

    def ready(self) -> None:
        # Loading these modules registers receivers and jobs. They import models, which aren't available when this file
        # is read.
        for module in ("accounts.openapi", "accounts.receivers"):
            import_module(module)
