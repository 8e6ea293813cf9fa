"""Configures logging: one line per event, as text in development and as JSON in production."""

import logging
import sys
from typing import Any

import structlog
from redis.exceptions import RedisError
from structlog.types import Processor

# Tracebacks don't contain local variables: printing a queryset runs a query, which has deadlocked processes, and users'
# text must not be logged.
_TRACEBACKS = structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False))


def _is_no_socket(record: logging.LogRecord) -> bool:
    """Drops uvicorn's lines for opened and closed sockets, which are useless, and thousands after a deploy."""
    return record.msg not in ("connection open", "connection closed")


def _shorten_outage(record: logging.LogRecord) -> bool:
    """Shortens the layer's log entry while Redis is down, which has forty lines of traceback each second."""
    if record.exc_info and isinstance(failure := record.exc_info[1], OSError | RedisError):
        record.msg, record.args, record.exc_info = "%s: %s", (record.msg, type(failure).__name__), None
    return True


_SHARED: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.stdlib.PositionalArgumentsFormatter(),
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def formatter(*, as_json: bool) -> dict[str, Any]:
    """Returns the formatter for JSON or text lines, as an entry of LOGGING."""
    rendered: list[Processor] = (
        [_TRACEBACKS, structlog.processors.JSONRenderer(ensure_ascii=False)]
        if as_json
        else [
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)
        ]
    )
    return {
        "()": structlog.stdlib.ProcessorFormatter,
        "foreign_pre_chain": _SHARED,
        "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendered],
    }


def configure(*, as_json: bool, level: str) -> dict[str, Any]:
    """Configures structlog, and returns Django's LOGGING. Both use the same handler, so no line is logged twice."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"structlog": formatter(as_json=as_json)},
        "filters": {
            "no_sockets": {"()": lambda: _is_no_socket},
            "short_outage": {"()": lambda: _shorten_outage},
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "structlog"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            # These lines repeat those of the request middleware, and errors that chanx sends to the client.
            "django.request": {"level": "CRITICAL"},
            # This logger writes a traceback for each port scanner, but the request's line has the relevant data.
            "django.security.DisallowedHost": {"level": "CRITICAL"},
            "django.server": {"handlers": [], "propagate": False},
            "uvicorn": {"handlers": [], "propagate": True, "level": level},  # uses the root logger's handler
            "uvicorn.error": {"filters": ["no_sockets"]},
            "uvicorn.access": {"level": "CRITICAL"},
            "channels_redis.pubsub": {"filters": ["short_outage"]},
            "taskiq": {"level": "WARNING"},
            "django.channels.server": {"propagate": False},  # runserver adds a handler to it
            "daphne": {"level": "WARNING"},
            "httpx": {"level": "WARNING"},
            "httpx2": {"level": "WARNING"},
            "openai": {"level": "WARNING"},
        },
    }
