"""Renders the completed Markdown blocks of running answers, each block once, and sends them as HTML."""

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

# Running answers in a process whose blocks are rendered. With more answers, rendering would delay their text, so users
# see plain text until an answer ends.
MAX_ANSWERS = 20
LONGEST_BLOCK = 10_000  # characters; searching repeatedly for the end of a longer block takes too long

# Lists take the longest to parse, 10 ms for 1 kB. A list ends only with a line that can't be part of it.
LIST = re.compile(r"(?:[-+*]|\d{1,9}[.)])\s")
OUTSIDE_LISTS = re.compile(r"\n[^\s\d*+-]")


@dataclass(eq=False, slots=True)
class RenderedBlocks:
    """The progress of rendering one answer."""

    answer_id: int
    question_id: int
    conversation_id: UUID
    after_seq: int = 0  # sequence number of the event that the answer follows
    length: int = 0  # characters that were rendered
    seen: int = 0  # characters that were searched for completed blocks
    is_rendering: bool = False
    is_over: bool = False  # True once the text is complete, since the end event has all of the HTML

    def may_have_more(self, text: str) -> bool:
        """Returns whether to search the text for completed blocks."""
        if self.is_rendering or len(text) == self.seen or len(text) - self.length > LONGEST_BLOCK:
            return False
        # A search takes time in proportion to the open block, so it is repeated only after the block has grown by an
        # eighth. All searches of a block then take linear time in total, not quadratic.
        if len(text) - self.seen < (self.seen - self.length) // 8:
            return False
        if LIST.match(text, self.length):
            last_line = text.rfind("\n", self.length, self.seen)
            return OUTSIDE_LISTS.search(text, max(last_line, self.length)) is not None
        return text.find("\n", self.length) >= 0


async def publish_finished_blocks(answers: Sequence[tuple[RenderedBlocks, str]]) -> None:
    """Sends the newly completed blocks of answers as HTML. `answers` has each answer's text that was sent so far."""
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
    except Exception:  # users see this answer as plain text until it ends; other answers go on
        logger.exception("blocks_not_rendered", length=len(text))
        return 0, ""


def _publish(blocks: RenderedBlocks, length: int, html: str) -> None:
    offset, blocks.length = blocks.length, blocks.length + length
    payload = BlocksPayload(
        message_id=blocks.question_id, reply_id=blocks.answer_id, offset=offset, length=blocks.length, html=html
    )
    # Every hint has a different key, because a newer hint doesn't replace it.
    hints.send(
        conversation_feed(blocks.conversation_id),
        f"blocks {blocks.answer_id} {offset}",
        AnswerBlocksMessage(payload=payload),
        after=blocks.after_seq,
    )
