"""How an answer looks while it is being written: its finished blocks, drawn once each."""

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

MAX_ANSWERS = 20  # at once in a process; with more, readers see plain text until the end, and the text comes in time
LONGEST_BLOCK = 10_000  # characters; looking for the end of a longer one again and again costs too much

# A list costs most to look through, 10 ms for 1 kB, and is over only with a line that could not be part of it.
LIST = re.compile(r"(?:[-+*]|\d{1,9}[.)])\s")
OUTSIDE_LISTS = re.compile(r"\n[^\s\d*+-]")


@dataclass(eq=False, slots=True)
class RenderedBlocks:
    """What was drawn of one answer."""

    answer_id: int
    question_id: int
    conversation_id: UUID
    after_seq: int = 0  # the number of the event that the answer comes after
    length: int = 0  # characters that were drawn,
    seen: int = 0  # and those that were looked at
    is_rendering: bool = False
    is_over: bool = False  # the whole answer is on its way

    def may_have_more(self, text: str) -> bool:
        """Whether it is worth to look: a block ends with a line."""
        if self.is_rendering or len(text) == self.seen or len(text) - self.length > LONGEST_BLOCK:
            return False
        # A look costs as much as the block is long. Only after it has grown by an eighth: then all looks at a block
        # together cost a multiple of its length, not its square.
        if len(text) - self.seen < (self.seen - self.length) // 8:
            return False
        if LIST.match(text, self.length):
            last_line = text.rfind("\n", self.length, self.seen)
            return OUTSIDE_LISTS.search(text, max(last_line, self.length)) is not None
        return text.find("\n", self.length) >= 0


async def publish_finished_blocks(answers: Sequence[tuple[RenderedBlocks, str]]) -> None:
    """Send readers the blocks of these answers that are new, drawn; `answers` come with the text that was sent."""
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
    except Exception:  # its readers see plain text until the end; the other answers' blocks are drawn
        logger.exception("blocks_not_drawn", length=len(text))
        return 0, ""


def _publish(blocks: RenderedBlocks, length: int, html: str) -> None:
    offset, blocks.length = blocks.length, blocks.length + length
    payload = BlocksPayload(
        message_id=blocks.question_id, reply_id=blocks.answer_id, offset=offset, length=blocks.length, html=html
    )
    # Each is a thing of its own: a newer one doesn't make it worthless.
    hints.send(
        conversation_feed(blocks.conversation_id),
        f"blocks {blocks.answer_id} {offset}",
        AnswerBlocksMessage(payload=payload),
        after=blocks.after_seq,
    )
