"""Production settings. The site doesn't start if a required value is missing, and never uses the demo model."""

from django.core.exceptions import ImproperlyConfigured

from core import logs

from .base import *
from .base import LOG_LEVEL, OPENAI_API_KEY, OPENAI_BASE_URL, env

DEBUG = False
SECRET_KEY = env.str("DJANGO_SECRET_KEY")
ALLOWED_HOSTS: list[str] = env.list("DJANGO_ALLOWED_HOSTS")

for name in ("DATABASE_URL", "REDIS_URL"):
    if not env.str(name, ""):
        raise ImproperlyConfigured(f"{name} is not set: production runs on PostgreSQL and Redis.")
if not (OPENAI_API_KEY or OPENAI_BASE_URL):
    raise ImproperlyConfigured("OPENAI_API_KEY is not set: the demo model never answers in production.")
ASSISTANT_DEMO_MODEL = False

SECURE_SSL_REDIRECT = SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
SESSION_COOKIE_NAME = "__Host-sessionid"  # no other host of the domain can set this cookie
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]  # probes come from inside the network, without TLS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_HSTS_SECONDS = env.int("SECURE_HSTS_SECONDS", 60 * 60 * 24 * 365)
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = True

# The mail server, which sends links for verifying e-mails and resetting passwords.
globals().update({"EMAIL_TIMEOUT": 10, **env.dj_email_url("EMAIL_URL", "smtp://localhost:25")})
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", "webmaster@localhost")

LOGGING = logs.configure(as_json=True, level=LOG_LEVEL)

STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "core.static_files.ModuleManifestStorage"},
}
