from uuid import uuid4

from django.test import SimpleTestCase

from assistants.services.blocks import LONGEST_BLOCK, RenderedBlocks


class WorthALookTests(SimpleTestCase):
    """The text is searched for completed blocks only if new blocks are possible, because searching takes time."""

    def blocks(self, *, seen: int = 0) -> RenderedBlocks:
        return RenderedBlocks(1, 1, uuid4(), seen=seen)

    def test_nothing_may_be_finished_before_a_line_is(self) -> None:
        assert not self.blocks().may_have_more("One and")
        assert self.blocks().may_have_more("One\n")

    def test_same_text_is_looked_at_once(self) -> None:
        assert not self.blocks(seen=4).may_have_more("One\n")

    def test_list_is_left_alone_until_a_line_stands_outside(self) -> None:
        for item in ("- one\n", "12. one\n", "* one\n\n"):
            with self.subTest(item):
                assert not self.blocks().may_have_more(item * 3)
                assert not self.blocks().may_have_more(item * 3 + "  still in it\n")
                assert self.blocks().may_have_more(item * 3 + "\nTwo")
                # This also holds if the last search ended in the middle of that line.
                assert self.blocks(seen=len(item) * 3 + 2).may_have_more(item * 3 + "\n## Two\n")

    def test_longest_blocks_are_drawn_with_the_end(self) -> None:
        assert not self.blocks().may_have_more("```\n" + "x\n" * LONGEST_BLOCK)

    def test_growing_block_is_looked_at_less_often_the_longer_it_is(self) -> None:
        blocks, looks = self.blocks(), 0
        text = "One\n" + "word " * 1_900

        for length in range(4, len(text), 5):
            if blocks.may_have_more(text[:length]):
                looks += 1
                blocks.seen = length

        assert 20 < looks < 80
