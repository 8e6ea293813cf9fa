from importlib import import_module
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import transaction
from django.utils.module_loading import module_has_submodule

from accounts.demo import ADMIN, ALICE, BOB, PASSWORD, create_people
from accounts.models import User


class Command(BaseCommand):
    """Gives a new site people to sign in as and something to look at; a site that has accounts is left as it is."""

    help = "Create demo people and what they did, unless anybody has an account already; print how to sign in."

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEBUG:
            self.stdout.write("No demo people: everybody knows their password, so they are only for where DEBUG is on.")
            return
        with transaction.atomic():
            if not User.objects.exists():
                create_demo()
        self.print_sign_ins()

    def print_sign_ins(self) -> None:
        known = User.objects.filter(email__in=[ALICE, BOB, ADMIN]).order_by("is_staff", "email")
        if known:
            self.stdout.write(f'Sign in with the password "{PASSWORD}" (unless you have changed it) as')
        for user in known:
            self.stdout.write(f"  {user.email}" + ("  (also opens /admin/)" if user.is_staff else ""))


def create_demo() -> None:
    people = create_people()
    for app in apps.get_app_configs():
        if app.name != "accounts" and module_has_submodule(app.module, "demo"):
            import_module(f"{app.name}.demo").create(people)
