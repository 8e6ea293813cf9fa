"""Live updates over WebSockets without lost events. README.md explains how to use them.

The names in `__all__` are imported on first use, because Django imports this package before models can be loaded.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from live.consumer import LiveConsumer
    from live.feeds import head, read, write
    from live.hub import end_session, reauthorize
    from live.text_stream import TextStream, stream

__all__ = ["LiveConsumer", "TextStream", "end_session", "head", "read", "reauthorize", "stream", "write"]

_MODULES = {
    "LiveConsumer": "live.consumer",
    "TextStream": "live.text_stream",
    "end_session": "live.hub",
    "head": "live.feeds",
    "read": "live.feeds",
    "reauthorize": "live.hub",
    "stream": "live.text_stream",
    "write": "live.feeds",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)
