"""The completed blocks of a running answer, each rendered once."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import structlog

from assistants.groups import conversation_feed
from assistants.messages.assistant import AnswerBlocksMessage, BlocksPayload
from core.markdown import finished_length, render_markdown
from live import hints
from runtime.threads import in_rendering_thread

logger = structlog.get_logger(__name__)

# at the same time in a process; with more, users see plain text until the end, so that text isn't delayed
MAX_ANSWERS = 20
LONGEST_BLOCK = 10_000  # characters; searching for the end of a longer block repeatedly costs too much

# Lists are the most expensive, 10 ms for 1 kB, and end only with a line that can't be part of them.
LIST = re.compile(r"(?:[-+*]|\d{1,9}[.)])\s")
OUTSIDE_LISTS = re.compile(r"\n[^\s\d*+-]")


@dataclass(eq=False, slots=True)
class RenderedBlocks:
    """The rendered part of one answer."""

    answer_id: int
    question_id: int
    conversation_id: UUID
    after_seq: int = 0  # the number of the event before the answer
    length: int = 0  # rendered characters
    seen: int = 0  # searched characters
    is_rendering: bool = False
    is_over: bool = False  # the whole answer is about to be sent

    def may_have_more(self, text: str) -> bool:
        """Returns whether a search is worthwhile: a block can only end with a line."""
        if self.is_rendering or len(text) == self.seen or len(text) - self.length > LONGEST_BLOCK:
            return False
        # A search costs as much as the block is long, so it is repeated only after the block has grown by an eighth.
        # All searches of a block together then cost a multiple of its length instead of its square.
        if len(text) - self.seen < (self.seen - self.length) // 8:
            return False
        if LIST.match(text, self.length):
            last_line = text.rfind("\n", self.length, self.seen)
            return OUTSIDE_LISTS.search(text, max(last_line, self.length)) is not None
        return text.find("\n", self.length) >= 0


async def publish_finished_blocks(answers: Sequence[tuple[RenderedBlocks, str]]) -> None:
    """Sends the newly completed blocks of these answers as HTML; `answers` contain the text sent so far."""
    for blocks, _ in answers:
        blocks.is_rendering = True
    try:
        rendered = await in_rendering_thread(_render, [text[blocks.length :] for blocks, text in answers])
    finally:
        for blocks, _ in answers:
            blocks.is_rendering = False
    for (blocks, text), (length, html) in zip(answers, rendered, strict=True):
        blocks.seen = len(text)
        if length and not blocks.is_over:
            _publish(blocks, length, html)


def _render(texts: list[str]) -> list[tuple[int, str]]:
    return [_draw_one(text) for text in texts]


def _draw_one(text: str) -> tuple[int, str]:
    try:
        length = finished_length(text)
        return length, render_markdown(text[:length]) if length else ""
    except Exception:  # users see this answer as plain text until its end; the blocks of the others are rendered
        logger.exception("blocks_not_rendered", length=len(text))
        return 0, ""


def _publish(blocks: RenderedBlocks, length: int, html: str) -> None:
    offset, blocks.length = blocks.length, blocks.length + length
    payload = BlocksPayload(
        message_id=blocks.question_id, reply_id=blocks.answer_id, offset=offset, length=blocks.length, html=html
    )
    # Each has a key of its own, because a newer one doesn't replace it.
    hints.send(
        conversation_feed(blocks.conversation_id),
        f"blocks {blocks.answer_id} {offset}",
        AnswerBlocksMessage(payload=payload),
        after=blocks.after_seq,
    )
