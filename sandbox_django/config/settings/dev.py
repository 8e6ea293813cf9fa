"""Settings for a developer's machine. They work without any configuration."""

from .base import *
from .base import INSTALLED_APPS, env

DEBUG = env.bool("DEBUG", True)
SECRET_KEY = env.str("DJANGO_SECRET_KEY", "only-for-development-" + "x" * 40)
ALLOWED_HOSTS = env.list("DJANGO_ALLOWED_HOSTS", ["localhost", "127.0.0.1", "[::1]", ".localhost"])

INSTALLED_APPS = ["daphne", *INSTALLED_APPS]  # before staticfiles, so that runserver serves sockets

METRICS_NETWORKS = env.list("METRICS_NETWORKS", ["127.0.0.0/8", "::1/128"])

WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG
EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
