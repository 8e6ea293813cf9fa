"""Tests: nothing outside the process, unless DATABASE_URL and REDIS_URL are given."""

from .base import *  # noqa: F403
from .base import BASE_DIR, CHANX, DATABASES, INSTALLED_APPS

DEBUG = False
SECRET_KEY = "only-for-tests-" + "x" * 40
ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1"]
INSTALLED_APPS = ["daphne", *INSTALLED_APPS]  # channels.testing imports it

# A file, not memory: tests with several threads need several connections.
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["TEST"] = {"NAME": BASE_DIR / ".data" / "test.sqlite3"}
DATABASE_THREADS = 0

CHANX |= {"SEND_COMPLETION": True}

# Never a developer's own key.
OPENAI_API_KEY = "test-key"
OPENAI_ORG = ""
OPENAI_BASE_URL = "http://127.0.0.1:9/v1"  # nothing listens there: each test says which model answers
OPENAI_TRANSPORT = "langchain"
LIMITS = True

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
WHITENOISE_AUTOREFRESH = True
WHITENOISE_USE_FINDERS = True
