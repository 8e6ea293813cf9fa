"""The one spelling of this app's feed and group names, and of the keys of objects whose text is in feeds."""

from uuid import UUID

CONVERSATIONS = "assistant.conversation."


def conversation_feed(conversation_id: UUID) -> str:
    return f"{CONVERSATIONS}{conversation_id}"


def conversation_key(conversation_id: UUID) -> str:
    return f"assistant.conversation:{conversation_id}"


def message_key(message_id: int) -> str:
    return f"assistant.message:{message_id}"


# Every process that writes answers listens here: somebody said stop.
WRITERS = "assistant.writers"
