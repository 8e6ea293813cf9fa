"""Values from query strings and forms, which may be anything."""

LARGEST_ID = 2**63 - 1  # that a database takes
LONGEST_ID = len(str(LARGEST_ID))


def parse_id(text: str) -> int | None:
    """The id that a text names; None if it is anything but digits, or too large for any row."""
    # Python refuses to convert more than 4,300 digits, and databases numbers of more than 64 bits.
    if not (text.isascii() and text.isdigit() and len(text) <= LONGEST_ID):
        return None
    number = int(text)
    return number if number <= LARGEST_ID else None
