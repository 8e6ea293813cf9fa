"""Counts events in a process with plain integers, which any exporter can read (docs/decisions/0013-metrics.md)."""

_all: list["Counts"] = []


class Counts:
    """Counters that only the event loop's thread increments.

    An increment takes 30 ns; that of a Prometheus counter takes 2.2 µs. A subclass lists its counters in `__slots__`.
    """

    __slots__: tuple[str, ...] = ()

    def __init__(self) -> None:
        for name in self.__slots__:
            setattr(self, name, 0)
        _all.append(self)


def totals() -> dict[str, int]:
    """Returns all counters of this process, by name."""
    return {name: getattr(counts, name) for counts in _all for name in counts.__slots__}
