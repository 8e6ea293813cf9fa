"""The reasons for which the server closes sockets. The guide's table and the AsyncAPI document's channels list them."""

from typing import Any, NamedTuple

from core.features import installed_features


class CloseCode(NamedTuple):
    code: int
    why: str
    advice: str


CLOSE_CODES = (
    CloseCode(1009, "a frame was larger than 64 KB", "send less"),
    CloseCode(1012, "the server restarts", "come back with `since`"),
    CloseCode(1013, "the server could not look something up", "come back with `since`"),
    CloseCode(4400, "`since` was not a whole number", "mend it"),
    CloseCode(4401, "not signed in, signed out, or the token ran out", "get a new token, then come back with `since`"),
    CloseCode(4403, "no longer in the room", "stay away"),
    CloseCode(4404, "there is no such thing, for you, or it was deleted", "stay away"),
    CloseCode(4408, "you did not read for 10 seconds", "come back with `since`"),
    CloseCode(4429, "too many sockets, or too many frames", "wait half a minute, then come back with `since`"),
    CloseCode(4503, "the database was not available", "come back with `since`, after a growing pause"),
)

EVERYWHERE = {1009, 1012, 4400, 4401, 4408, 4429, 4503}


def close_codes_of(channel: str) -> list[dict[str, Any]]:
    """Returns the closing codes of a channel: the codes of every socket, and the codes that the channel's feature
    declares.
    """
    own = [docs.closing_codes for feature in installed_features() if (docs := feature.sockets.get(channel))]
    codes = EVERYWHERE.union(*own)
    return [close_code._asdict() for close_code in CLOSE_CODES if close_code.code in codes]


def table() -> str:
    rows = "".join(f"| {close_code.code} | {close_code.why} | {close_code.advice} |\n" for close_code in CLOSE_CODES)
    return f"| code | why | what to do |\n|---|---|---|\n{rows}"
