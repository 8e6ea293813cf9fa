"""Counts of the live core; `runtime.metrics.totals` hands them to the project's exporter."""

from collections.abc import Callable

from runtime.metrics import Counts


class LiveCounts(Counts):
    """What this process has sent, missed and refused."""

    __slots__ = (
        "frames_refused",  # frames of clients that send too many
        "frames_sent",
        "gaps_filled",
        "gaps_found",
        "layer_failures",
        "resyncs",
        "sockets_refused",  # sockets of users and addresses that have too many
    )

    frames_refused: int
    frames_sent: int
    gaps_filled: int
    gaps_found: int
    layer_failures: int
    resyncs: int
    sockets_refused: int


counts = LiveCounts()

# Called after each flush of text with the age of the oldest chunk in it, in seconds.
flush_observers: list[Callable[[float], None]] = []
