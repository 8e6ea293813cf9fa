"""Counters of the live core, which the project's exporter reads with `runtime.metrics.totals`."""

from collections.abc import Callable

from runtime.metrics import Counts


class LiveCounts(Counts):
    """Counts frames, gaps, resyncs, layer failures and refused sockets."""

    __slots__ = (
        "frames_refused",  # frames from clients that sent too many
        "frames_sent",
        "gaps_filled",
        "gaps_found",
        "layer_failures",
        "resyncs",
        "sockets_refused",  # sockets of users or addresses with too many open sockets
    )

    frames_refused: int
    frames_sent: int
    gaps_filled: int
    gaps_found: int
    layer_failures: int
    resyncs: int
    sockets_refused: int


counts = LiveCounts()

# Functions that are called after each flush of text with the age of the flush's oldest chunk, in seconds.
flush_observers: list[Callable[[float], None]] = []
