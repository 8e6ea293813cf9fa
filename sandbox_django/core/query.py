"""Values from query strings and forms, which may be anything."""

LARGEST_ID = 2**63 - 1  # the largest id that databases accept
LONGEST_ID = len(str(LARGEST_ID))


def parse_id(text: str) -> int | None:
    """Returns the id in a text; None unless it consists of digits and is small enough for a database."""
    # Python refuses to convert more than 4,300 digits, and databases refuse numbers of more than 64 bits.
    if not (text.isascii() and text.isdigit() and len(text) <= LONGEST_ID):
        return None
    number = int(text)
    return number if number <= LARGEST_ID else None
