"""Prints the medians of all runs as tables."""

import statistics
from collections.abc import Mapping, Sequence

Figures = Mapping[str, Sequence[float]]
HEADINGS = ["", "ours", "p95", "bare", "p95", "ratio"]


def medians(runs: Sequence[Figures]) -> dict[str, list[float]]:
    """Returns the median of each value over all runs. Returns an empty dict if there are no runs."""
    if not runs:
        return {}
    return {
        name: [statistics.median(values) for values in zip(*(run[name] for run in runs), strict=True)]
        for name in runs[0]
    }


def table(title: str, ours: Figures, bare: Figures) -> str:
    """Returns a table of our results beside those of the bare server. The ratio compares the last of a result's values,
    which is p95 if there is one.
    """
    rows = [HEADINGS] if bare else [HEADINGS[:3]]
    for name, values in ours.items():
        row = [name, *cells(values)]
        if bare:
            others = bare.get(name, [])
            ratio = f"{values[-1] / others[-1]:.2f}" if others and others[-1] else ""
            row += [*cells(others), ratio]
        rows.append(row)
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "  ".join(
            cell.ljust(width) if not column else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
    return "\n".join([f"\n{title}", *lines])


def cells(values: Sequence[float]) -> list[str]:
    return [*(number(value) for value in values), "", ""][:2]


def number(value: float) -> str:
    """Formats a number with three significant digits."""
    if value >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}" if value >= 1 else f"{value:.3f}"
