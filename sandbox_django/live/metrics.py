"""Counters of the live core; the project's exporter reads them with `runtime.metrics.totals`."""

from collections.abc import Callable

from runtime.metrics import Counts


class LiveCounts(Counts):
    """The numbers of sent, missed and refused frames and sockets."""

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
