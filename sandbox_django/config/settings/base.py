"""Settings that all environments share. The modules dev, test and production set the values that differ."""

import logging
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import django_stubs_ext
from asyncapi_viewer.assets import STATIC_DIR as ASYNCAPI_VIEWER
from corsheaders.defaults import default_headers
from environs import Env

from core import logs

django_stubs_ext.monkeypatch()  # lets code write ModelAdmin[User] at runtime too

BASE_DIR = Path(__file__).resolve().parents[3]  # the repository

env = Env()
env.read_env(os.environ.get("ENV_FILE", str(BASE_DIR / ".env")))  # tests name an empty file

# --- Site -------------------------------------------------------------------------------------------------------------
SITE_NAME = env.str("SITE_NAME", "Sandbox")

ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"
AUTH_USER_MODEL = "accounts.User"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

LANGUAGE_CODE = "en"
LOCALE_PATHS = [BASE_DIR / "sandbox_django/locale"]  # replaces messages of Django and REST framework
TIME_ZONE = env.str("TIME_ZONE", "UTC")
USE_TZ = True

INSTALLED_APPS = [
    "core",  # before the admin, whose templates it overrides
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "channels",
    "asyncapi",  # before chanx, whose command it extends
    "chanx.channels",
    "corsheaders",
    "django_structlog",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "drf_standardized_errors",
    "rest_framework",
    "live",
    "accounts",
    "assistants",
    "chat",
    "discussion",
]

MIDDLEWARE = [
    "core.middleware.ApiErrorsMiddleware",
    "core.middleware.NulCharacterMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "core.middleware.SecurityHeadersMiddleware",
    "core.middleware.NoStoreMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "core.middleware.SlashMiddleware",
    "accounts.middleware.PageAccountMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "accounts.middleware.SignInMiddleware",
    "core.middleware.TimeZoneMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "core.middleware.RequestLogMiddleware",
    "core.middleware.UnavailableMiddleware",
]

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "core.context_processors.site",
            ],
            "builtins": ["core.templatetags.page_forms"],
        },
    },
]

# --- Data ------------------------------------------------------------------------------------------------------------
# The folder in which the embedded default keeps its SQLite file.
DATA_DIR = env.path("SANDBOX_DATA_DIR", BASE_DIR / ".data")

DATABASES: dict[str, Any] = {
    "default": env.dj_db_url("DATABASE_URL")
    if env.str("DATABASE_URL", "")
    else {"ENGINE": "django.db.backends.sqlite3", "NAME": DATA_DIR / "db.sqlite3"}
}
# A connection lasts as long as its thread, and a thread lasts as long as the process.
DATABASES["default"]["CONN_MAX_AGE"] = None
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["ENGINE"] = "core.sqlite3"  # Django's backend, with a queue for writers
    DATA_DIR.mkdir(parents=True, exist_ok=True)  # SQLite creates the file, but not its folder
    # With SQLite's defaults, 179 of 240 concurrent writes failed with "database is locked". With these options, none
    # failed.
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA busy_timeout=20000;",
    }

if DATABASES["default"]["ENGINE"].endswith("postgresql"):
    # With these options, a server that has vanished is noticed within some ten seconds, long before TCP's timeout.
    DATABASES["default"]["OPTIONS"] = {
        "connect_timeout": 3,
        "keepalives_idle": 5,
        "keepalives_interval": 2,
        "keepalives_count": 3,
        "tcp_user_timeout": 10_000,
        **DATABASES["default"].get("OPTIONS", {}),
    }

# The number of threads that run views. A small number is fastest, also with PostgreSQL
# (docs/decisions/0007-http-in-one-thread-handoff.md). Other work runs in other threads
# (docs/decisions/0019-thread-pools.md). With 0, everything runs in the caller's thread, as Django's test client needs.
DATABASE_THREADS = env.int("DATABASE_THREADS", 4)
# The maximum duration in seconds of a view's statement. A longer statement is cancelled, and the response is 503.
STATEMENT_TIMEOUT = env.float("STATEMENT_TIMEOUT", 5.0)

REDIS_URL = env.str("REDIS_URL", "")
CHANNEL_LAYERS: dict[str, Any] = {
    "default": {
        "BACKEND": "live.layers.RedisLayer",
        "CONFIG": {"hosts": [REDIS_URL]},
    }
    if REDIS_URL
    else {
        "BACKEND": "live.layers.MemoryLayer",
        "CONFIG": {"capacity": 2000},
    },
}

# --- Processes -------------------------------------------------------------------------------------------------------
# Seconds that a process waits for running answers when it stops. Then these answers fail, and users can retry them.
DRAIN_SECONDS = env.float("DRAIN_SECONDS", 20.0)
WEB_PROCESSES = env.int("WEB_PROCESSES", 1)  # processes that bin/serve starts; the startup checks read this
# The address at which a worker serves /healthz and /metrics to probes in the internal network. Port 0 turns this off.
WORKER_HOST = env.str("WORKER_HOST", "127.0.0.1")
WORKER_PORT = env.int("WORKER_PORT", 0)
WORKER_JOBS = env.int("WORKER_JOBS", 500)  # answers that one worker process writes at the same time
# /metrics is served to clients with this token, and to clients that connect from these networks without a proxy.
METRICS_TOKEN = env.str("METRICS_TOKEN", "")
METRICS_NETWORKS: list[str] = env.list("METRICS_NETWORKS", [])

# --- Live ------------------------------------------------------------------------------------------------------------
CHANX: dict[str, Any] = {
    "CAMELIZE": True,
    "SEND_AUTHENTICATION_MESSAGE": False,  # the live consumer sends its own after joining
    "SEND_MESSAGE_IMMEDIATELY": False,
    "LOG_WEBSOCKET_MESSAGE": False,
    "ASYNCAPI_TITLE": f"{SITE_NAME} WebSocket API",
    "ASYNCAPI_VERSION": "1.0.0",
    # `asyncapi.document` fills in the table of closing codes.
    "ASYNCAPI_DESCRIPTION": (BASE_DIR / "sandbox_django/asyncapi/guide.md").read_text(),
}
# For reconnecting clients, a feed keeps events up to this age in days, this number, and this size in bytes.
LIVE_KEEP_DAYS = env.int("FEED_KEEP_DAYS", 7)
LIVE_KEEP_EVENTS = env.int("FEED_KEEP_EVENTS", 5000)
LIVE_KEEP_BYTES = env.int("FEED_KEEP_BYTES", 8 * 1024 * 1024)
# If a browser doesn't accept a frame within these seconds, its socket is closed, and it reconnects with its position.
LIVE_SLOW_CLIENT_TIMEOUT = env.float("SLOW_CLIENT_TIMEOUT", 10.0)
LIVE_AUTH_BACKEND = "accounts.live_auth.SignInAuthBackend"  # decides who may open sockets and how long they stay open
# Limits on the sockets of each process, and on the frames of each socket. They are above any user's needs, and stop
# floods.
LIVE_SOCKETS_PER_USER = env.int("SOCKETS_PER_PERSON", 200)
LIVE_SOCKETS_PER_ADDRESS = env.int("SOCKETS_PER_ADDRESS", 2000)
LIVE_FRAMES_PER_MINUTE = env.int("SOCKET_FRAMES_PER_MINUTE", 100)

# --- The assistant ---------------------------------------------------------------------------------------------------
# An empty value means that the setting is unset, so that a copied .env.EXAMPLE works unchanged.
OPENAI_API_KEY = env.str("OPENAI_API_KEY", "").strip()  # a key from a file often ends with a newline
OPENAI_ORG = env.str("OPENAI_ORG", "")
OPENAI_BASE_URL = env.str("OPENAI_BASE_URL", "").strip()
OPENAI_MODEL = env.str("OPENAI_MODEL", "gpt-4o-mini")
# The models that users can choose for a conversation. The default is OPENAI_MODEL.
ASSISTANT_MODELS: list[str] = list(dict.fromkeys([OPENAI_MODEL, *env.list("ASSISTANT_MODELS", [])]))
# Both transports read the same stream. "langchain" is the reference; "direct" takes a third of its CPU time.
OPENAI_TRANSPORT = env.str("OPENAI_TRANSPORT", "langchain", validate=lambda name: name in {"langchain", "direct"})
# The timeouts in seconds for connecting, for the first token, and for each following token.
OPENAI_CONNECT_TIMEOUT = env.float("OPENAI_CONNECT_TIMEOUT", 5.0)
OPENAI_FIRST_TOKEN_TIMEOUT = env.float("OPENAI_FIRST_TOKEN_TIMEOUT", 60.0)
OPENAI_TOKEN_TIMEOUT = env.float("OPENAI_TOKEN_TIMEOUT", 30.0)
OPENAI_THINKING_TIMEOUT = env.float("OPENAI_THINKING_TIMEOUT", 300.0)  # seconds for all reasoning before an answer
ASSISTANT_SYSTEM_PROMPT = env.str(
    "ASSISTANT_SYSTEM_PROMPT", "You are a helpful assistant. Answer in Markdown, briefly and truthfully."
)
ASSISTANT_DEMO_MODEL = True  # answer with a scripted model if there is no key
ASSISTANT_HISTORY_TOKENS = env.int("ASSISTANT_HISTORY_TOKENS", 6_000)  # tokens of earlier messages, newest first
ASSISTANT_MAX_QUESTION_LENGTH = env.int("ASSISTANT_MAX_QUESTION_LENGTH", 32_000)
# An answer that reaches either limit ends, and is marked as cut short. With 0, the model is sent no limit.
ASSISTANT_MAX_ANSWER_LENGTH = env.int("ASSISTANT_MAX_ANSWER_LENGTH", 64_000)  # characters
ASSISTANT_MAX_ANSWER_TOKENS = env.int("ASSISTANT_MAX_ANSWER_TOKENS", 16_000)
ASSISTANT_ANONYMOUS_DAYS = env.int("ASSISTANT_ANONYMOUS_DAYS", 30)  # idle conversations are deleted after these days
# Limits of each user, and lower limits of the visitors at one address: answers at the same time, questions per minute,
# and tokens per day. Input and output tokens count, because both cost money.
ASSISTANT_ANSWERS_AT_ONCE = env.int("ASSISTANT_ANSWERS_AT_ONCE", 5)
ASSISTANT_QUESTIONS_PER_MINUTE = env.int("ASSISTANT_QUESTIONS_PER_MINUTE", 20)
ASSISTANT_TOKENS_PER_DAY = env.int("ASSISTANT_TOKENS_PER_DAY", 500_000)
ASSISTANT_UNVERIFIED_TOKENS_PER_DAY = env.int(
    "ASSISTANT_UNVERIFIED_TOKENS_PER_DAY", 100_000
)  # until the e-mail is verified
ASSISTANT_ANONYMOUS_ANSWERS_AT_ONCE = env.int("ASSISTANT_ANONYMOUS_ANSWERS_AT_ONCE", 3)
ASSISTANT_ANONYMOUS_QUESTIONS_PER_MINUTE = env.int("ASSISTANT_ANONYMOUS_QUESTIONS_PER_MINUTE", 10)
ASSISTANT_ANONYMOUS_TOKENS_PER_DAY = env.int("ASSISTANT_ANONYMOUS_TOKENS_PER_DAY", 100_000)
# Limits of all accounts and visitors at one address together (in IPv6, one /64), so that a client gets no higher limits
# by using several accounts.
ASSISTANT_ADDRESS_ANSWERS_AT_ONCE = env.int("ASSISTANT_ADDRESS_ANSWERS_AT_ONCE", 20)
ASSISTANT_ADDRESS_QUESTIONS_PER_MINUTE = env.int("ASSISTANT_ADDRESS_QUESTIONS_PER_MINUTE", 100)
ASSISTANT_ADDRESS_TOKENS_PER_DAY = env.int("ASSISTANT_ADDRESS_TOKENS_PER_DAY", 2_000_000)
# The limit of the whole site; 0 means no limit. The database column holds values up to 2**31.
ASSISTANT_SITE_TOKENS_PER_DAY = env.int(
    "ASSISTANT_SITE_TOKENS_PER_DAY", 0, validate=lambda tokens: 0 <= tokens <= 2_000_000_000
)
ASSISTANT_ANONYMOUS_CONVERSATIONS_PER_HOUR = env.int("ASSISTANT_ANONYMOUS_CONVERSATIONS_PER_HOUR", 60)
# Where answers are written: "loop" is the web process, and "taskiq" is the workers that bin/worker starts.
ASSISTANT_RUNNER = env.str("ASSISTANT_RUNNER", "loop", validate=lambda name: name in {"loop", "taskiq"})
# If no worker claims a question within these seconds, its answer fails, and the user can retry it.
ASSISTANT_WAIT_SECONDS = env.float("ASSISTANT_WAIT_SECONDS", 60.0)
# If a lease isn't renewed for this number of seconds, its answer fails, and the user can retry it.
ASSISTANT_LEASE_SECONDS = env.float("ASSISTANT_LEASE_SECONDS", 15.0)

# --- Group chat ------------------------------------------------------------------------------------------------------
CHAT_MESSAGES_PER_MINUTE = env.int("CHAT_MESSAGES_PER_MINUTE", 240)  # per user, in all rooms together

# --- Discussion forum ------------------------------------------------------------------------------------------------
DISCUSSION_POSTS_PER_HOUR = env.int("DISCUSSION_POSTS_PER_HOUR", 60)  # topics and replies of each user together
DISCUSSION_VOTES_PER_MINUTE = env.int("DISCUSSION_VOTES_PER_MINUTE", 60)

# --- Requests --------------------------------------------------------------------------------------------------------
LIMITS = env.str("LIMITS", "on") != "off"  # "off" lifts every limit, for load tests
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "chat-home" if "chat" in INSTALLED_APPS else "home"
LOGOUT_REDIRECT_URL = "home"
CSRF_FAILURE_VIEW = "core.views.errors.csrf_failure"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
# The seconds in which the head and the body of a request must arrive. Otherwise the connection is closed (408).
REQUEST_HEAD_TIMEOUT = env.float("REQUEST_HEAD_TIMEOUT", 15.0)
REQUEST_BODY_TIMEOUT = env.float("REQUEST_BODY_TIMEOUT", 30.0)
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024  # bytes; a larger body gets 413 before it reaches a view

CORS_ALLOWED_ORIGINS: list[str] = env.list("CORS_ALLOWED_ORIGINS", [])
CORS_ALLOW_CREDENTIALS = True
CORS_URLS_REGEX = r"^/api/.*$"
CORS_ALLOW_HEADERS = (*default_headers, "idempotency-key")
CORS_EXPOSE_HEADERS = ["Feed-Seq", "Retry-After", "X-Request-ID"]
CSRF_TRUSTED_ORIGINS: list[str] = env.list("CSRF_TRUSTED_ORIGINS", [])

SIMPLE_JWT = {
    "ACCESS_TOKEN_LIFETIME": timedelta(minutes=15),
    "REFRESH_TOKEN_LIFETIME": timedelta(days=14),
}

REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        # The first class in this list decides whether a refusal is 401 or 403.
        "accounts.authentication.HeaderTokenAuthentication",
        "accounts.authentication.CookieTokenAuthentication",
        "accounts.authentication.BrowserSessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["djangorestframework_camel_case.render.CamelCaseJSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["core.parsers.CamelCaseJSON"],
    "DEFAULT_PAGINATION_CLASS": "core.pagination.PagePagination",
    "DEFAULT_SCHEMA_CLASS": "core.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "drf_standardized_errors.handler.exception_handler",
    "PAGE_SIZE": 20,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
JSON_CAMEL_CASE = {"JSON_UNDERSCOREIZE": {"no_underscore_before_number": True}}  # keeps "password1" as it is
DRF_STANDARDIZED_ERRORS = {
    "EXCEPTION_HANDLER_CLASS": "core.exception_handler.KnownErrors",
    "EXCEPTION_FORMATTER_CLASS": "core.exception_handler.CamelCaseErrors",
    "ENABLE_IN_DEBUG_FOR_UNHANDLED_EXCEPTIONS": True,  # the log has the traceback
}

SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": f"{SITE_NAME} API",
    "VERSION": "1.0.0",
    "DESCRIPTION": (BASE_DIR / "sandbox_django/core/openapi.md").read_text(),
    "SERVERS": [{"url": "/", "description": "This site."}],
    # Features add tags of their own (see core/features.py).
    "TAGS": [{"name": "Account", "description": "Signing in and out, tokens, passwords."}],
    "ENUM_NAME_OVERRIDES": {},
    "COMPONENT_SPLIT_REQUEST": True,  # request bodies have fewer fields than responses
    "OAS_VERSION": "3.1.1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "drf_spectacular.contrib.djangorestframework_camel_case.camelize_serializer_fields",
        "core.openapi.finish",
    ],
}

# --- Demo data -------------------------------------------------------------------------------------------------------
# The passwords of the demo users if DEBUG is off. If they are empty, there are no demo users.
DEMO_PASSWORD = DEMO_ADMIN_PASSWORD = ""

# --- Logs ------------------------------------------------------------------------------------------------------------
LOG_LEVEL = env.str("LOG_LEVEL", "INFO")
LOGGING = logs.configure(as_json=False, level=LOG_LEVEL)
DJANGO_STRUCTLOG_STATUS_START_LOG_LEVEL = logging.DEBUG  # the line at the end of a request has the same data

# --- Static files ----------------------------------------------------------------------------------------------------
STATIC_URL = "/static/"
STATICFILES_DIRS = [("asyncapi-viewer", ASYNCAPI_VIEWER)]  # from the installed package
STATIC_ROOT = BASE_DIR / "staticfiles"
