"""Why sockets are closed: for people as a table of the guide, for programs beside each channel."""

from typing import Any, NamedTuple

from core.features import installed_features


class Closing(NamedTuple):
    code: int
    why: str
    advice: str


CLOSINGS = (
    Closing(1009, "a frame was larger than 64 KB", "send less"),
    Closing(1012, "the server restarts", "come back with `since`"),
    Closing(1013, "the server could not look something up", "come back with `since`"),
    Closing(4400, "`since` was not a whole number", "mend it"),
    Closing(4401, "not signed in, signed out, or the token ran out", "get a new token, then come back with `since`"),
    Closing(4403, "no longer in the room", "stay away"),
    Closing(4404, "there is no such thing, for you, or it was deleted", "stay away"),
    Closing(4408, "you did not read for 10 seconds", "come back with `since`"),
    Closing(4429, "too many sockets, or too many frames", "wait half a minute, then come back with `since`"),
    Closing(4503, "the database was not available", "come back with `since`, after a growing pause"),
)

EVERYWHERE = {1009, 1012, 4400, 4401, 4408, 4429, 4503}


def closings_of(channel: str) -> list[dict[str, Any]]:
    """The closings of the sockets of a channel: those of every socket, and those that its feature declares."""
    own = [docs.closing_codes for feature in installed_features() if (docs := feature.sockets.get(channel))]
    codes = EVERYWHERE.union(*own)
    return [closing._asdict() for closing in CLOSINGS if closing.code in codes]


def table() -> str:
    rows = "".join(f"| {closing.code} | {closing.why} | {closing.advice} |\n" for closing in CLOSINGS)
    return f"| code | why | what to do |\n|---|---|---|\n{rows}"
