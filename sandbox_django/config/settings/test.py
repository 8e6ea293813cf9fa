"""Test settings. Tests use nothing outside their process, unless DATABASE_URL and REDIS_URL are set."""

import os

# A developer's .env must not affect the tests or the servers that they start.
os.environ["ENV_FILE"] = os.devnull

from .base import *
from .base import CHANX, DATA_DIR, DATABASES, INSTALLED_APPS, LOGGING, MIDDLEWARE

DEBUG = False
SECRET_KEY = "only-for-tests-" + "x" * 40
ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1"]
INSTALLED_APPS = ["daphne", *INSTALLED_APPS]  # channels.testing imports it

# These compare every response in a test with the OpenAPI document, and look for sentences of Django in it.
MIDDLEWARE = [
    "test_utils.wording.WordingMiddleware",
    "test_utils.rest_contract.ContractMiddleware",
    *MIDDLEWARE,
    "test_utils.cpu_contract.CpuContractMiddleware",
]

# The database is a file, because tests with several threads need several connections. Its name is different for each
# run, so that runs can overlap.
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["TEST"] = {"NAME": str(DATA_DIR / f"test-{os.getpid()}.sqlite3")}
else:
    DATABASES["default"]["TEST"] = {"NAME": f"test_sandbox_{os.getpid()}"}
DATA_DIR.mkdir(parents=True, exist_ok=True)
DATABASE_THREADS = 0

CHANX |= {"SEND_COMPLETION": True, "SEND_AUTHENTICATION_MESSAGE": True}

# Replaces a developer's key, which tests must never use.
OPENAI_API_KEY = "test-key"
OPENAI_ORG = ""
OPENAI_BASE_URL = "http://127.0.0.1:9/v1"  # a closed port, since each test defines its own model
OPENAI_TRANSPORT = "langchain"
LIMITS = True

LOGGING["root"]["level"] = "ERROR"

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
WHITENOISE_AUTOREFRESH = True
WHITENOISE_USE_FINDERS = True
