"""The names of this app's feeds and groups, and the keys of its objects in feeds and in Redis."""

from uuid import UUID

CONVERSATIONS = "assistant.conversation."


def conversation_feed(conversation_id: UUID) -> str:
    return f"{CONVERSATIONS}{conversation_id}"


def conversation_key(conversation_id: UUID) -> str:
    return f"assistant.conversation:{conversation_id}"


def reply_key(answer_id: int) -> str:
    """Returns the Redis key of an answer's text."""
    return f"sandbox:reply:{answer_id}"


def message_key(message_id: int) -> str:
    return f"assistant.message:{message_id}"


# Every process that writes answers subscribes to this group, which receives requests to stop an answer.
WRITERS = "assistant.writers"
