"""Settings for the migration linter, an app that is only installed in development."""

from config.settings.test import *  # noqa: F403  # these settings extend the test settings
from config.settings.test import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "django_migration_linter"]
