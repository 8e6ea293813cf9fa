"""The one spelling of this app's feed and group names."""

from uuid import UUID


def conversation_feed(conversation_id: UUID) -> str:
    return f"assistant.conversation.{conversation_id}"


# Every process that writes answers listens here: somebody said stop.
WRITERS = "assistant.writers"
