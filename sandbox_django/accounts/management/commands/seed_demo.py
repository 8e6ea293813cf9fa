from importlib import import_module
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import transaction
from django.utils.module_loading import module_has_submodule

from accounts.demo import ADMIN, ALICE, BOB, PASSWORD, create_users, password_of
from accounts.models import User


class Command(BaseCommand):
    """Creates demo users and their data on a new site. Does nothing on a site that has accounts."""

    help = "Create demo users and data, unless there are accounts already; print how to sign in."

    def handle(self, *args: Any, **options: Any) -> None:
        if not (settings.DEBUG or settings.DEMO_PASSWORD):
            self.stdout.write("No demo users: their password is public, so they are only created if DEBUG is on.")
            return
        with transaction.atomic():
            if not User.objects.exists():
                create_demo()
        known = User.objects.filter(email__in=[ALICE, BOB, ADMIN]).order_by("is_staff", "email")
        if not settings.DEBUG:
            replace_known_passwords(known)
        if known:
            self.print_sign_ins(list(known))

    def print_sign_ins(self, known: list[User]) -> None:
        same = {password_of(user) for user in known}
        if len(same) == 1:
            self.stdout.write(f'Sign in with the password "{same.pop()}" (unless you have changed it) as')
        else:
            self.stdout.write("Sign in (with these passwords, unless you have changed them) as")
        for user in known:
            password = "" if settings.DEBUG else f"  password: {password_of(user)}"
            self.stdout.write(f"  {user.email}{password}" + ("  (also opens /admin/)" if user.is_staff else ""))
        if settings.DEBUG and (settings.DATA_DIR / "network.json").exists():
            self.stdout.write(
                f"  or with the passwords in {settings.DATA_DIR / 'network.json'}: this site was on the network"
            )


def replace_known_passwords(known: Any) -> None:
    """Replaces the documented password of demo users with a secret one, which the command prints in the terminal."""
    for user in known:
        if user.check_password(PASSWORD):
            user.set_password(password_of(user))
            user.save(update_fields=["password"])


def create_demo() -> None:
    users = create_users()
    for app in apps.get_app_configs():
        if app.name != "accounts" and module_has_submodule(app.module, "demo"):
            import_module(f"{app.name}.demo").create(users)
