"""The settings of the live core and their defaults, which a project can override."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from django.conf import settings

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Setting(Generic[T]):
    """The name and default of a Django setting. If the project sets `alias`, the value of that setting is used."""

    name: str
    default: T
    alias: str = ""

    @property
    def value(self) -> T:
        """Read each time, so that `override_settings` works."""
        value: T = getattr(settings, self.name, self.default)
        return getattr(settings, self.alias, value) if self.alias else value


# How much a feed keeps for clients that reconnect.
KEEP_DAYS = Setting("LIVE_KEEP_DAYS", 7, alias="FEED_KEEP_DAYS")
KEEP_EVENTS = Setting("LIVE_KEEP_EVENTS", 5000, alias="FEED_KEEP_EVENTS")
KEEP_BYTES = Setting("LIVE_KEEP_BYTES", 8 * 1024 * 1024, alias="FEED_KEEP_BYTES")
# Seconds in which a client must accept a frame. After that, its socket is closed, and it reconnects.
SLOW_CLIENT_TIMEOUT = Setting("LIVE_SLOW_CLIENT_TIMEOUT", 10.0, alias="SLOW_CLIENT_TIMEOUT")
# Limits on open sockets in one process, and on frames of one socket.
SOCKETS_PER_USER = Setting("LIVE_SOCKETS_PER_USER", 200, alias="SOCKETS_PER_PERSON")
SOCKETS_PER_ADDRESS = Setting("LIVE_SOCKETS_PER_ADDRESS", 2000, alias="SOCKETS_PER_ADDRESS")
FRAMES_PER_MINUTE = Setting("LIVE_FRAMES_PER_MINUTE", 100, alias="SOCKET_FRAMES_PER_MINUTE")
LIMITS = Setting("LIVE_LIMITS", True, alias="LIMITS")  # False lifts the three limits above, for load tests
# The class that authenticates users and their sessions, as defined in `live.credentials.LiveAuthBackend`.
AUTH_BACKEND = Setting("LIVE_AUTH_BACKEND", "live.session_auth.SessionAuthBackend")
