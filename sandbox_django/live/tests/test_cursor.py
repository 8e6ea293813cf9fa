"""The cursor sends each event once and in order, and each text without duplicates or gaps."""

from hypothesis import given
from hypothesis import strategies as st

from live.cursor import Cursor, Step


def test_only_the_next_event_is_sent() -> None:
    cursor = Cursor(seq=4)

    assert cursor.on_event(6) is Step.GAP
    assert cursor.on_event(4) is Step.DROP
    assert cursor.on_event(5) is Step.SEND
    assert cursor.on_event(5) is Step.DROP
    assert cursor.seq == 5


def test_an_event_that_ends_a_text_waits_for_all_of_it() -> None:
    cursor = Cursor(seq=1)
    cursor.send_text(7, end=3)

    assert cursor.on_event(2, text_id=7, text_length=5) is Step.GAP
    assert cursor.seq == 1
    assert cursor.send_text(7, end=5) == 3
    assert cursor.on_event(2, text_id=7, text_length=5) is Step.SEND
    assert cursor.on_chunk(7, after=1, offset=5) is Step.DROP, "it has ended"
    assert cursor.on_chunk(6, after=1, offset=0) is Step.DROP, "so have those before it"


def test_an_event_from_the_log_ends_a_text_that_is_incomplete() -> None:
    cursor = Cursor(seq=1)

    assert cursor.on_event(2, text_id=7, text_length=5, from_log=True) is Step.SEND


def test_a_chunk_waits_for_the_event_that_its_text_follows() -> None:
    cursor = Cursor(seq=1)

    assert cursor.on_chunk(7, after=2, offset=0) is Step.GAP
    cursor.on_event(2)
    assert cursor.on_chunk(7, after=2, offset=3) is Step.TEXT_GAP
    assert cursor.on_chunk(7, after=2, offset=0) is Step.SEND


def test_text_that_the_client_has_is_not_sent_again() -> None:
    cursor = Cursor()

    assert cursor.send_text(7, end=4) == 0
    assert cursor.send_text(7, end=4) is None
    assert cursor.send_text(7, end=6) == 4
    assert cursor.send_text(8, end=2) == 0, "another text starts at its beginning"


def test_after_a_resync_a_text_that_began_before_it_has_to_be_asked_for() -> None:
    cursor = Cursor(seq=3)
    cursor.send_text(7, end=4)

    cursor.resync(9)

    assert cursor.on_event(9) is Step.DROP
    assert cursor.on_event(10) is Step.SEND
    assert cursor.on_chunk(7, after=3, offset=4) is Step.GAP
    assert cursor.on_chunk(7, after=3, offset=0, from_log=True) is Step.SEND
    assert cursor.on_chunk(8, after=10, offset=0) is Step.SEND


def test_a_restored_database_gives_its_ids_again() -> None:
    cursor = Cursor(seq=9)
    cursor.end_texts(7)

    cursor.resync(2)

    assert cursor.on_chunk(7, after=2, offset=0, from_log=True) is Step.SEND


@given(st.lists(st.integers(1, 12)), st.integers(0, 5))
def test_for_any_arrivals_each_event_is_sent_once_and_in_order(arriving: list[int], start: int) -> None:
    cursor = Cursor(seq=start)

    sent = [seq for seq in arriving if cursor.on_event(seq) is Step.SEND]

    assert sent == list(range(start + 1, start + 1 + len(sent)))
    assert cursor.seq == start + len(sent)
