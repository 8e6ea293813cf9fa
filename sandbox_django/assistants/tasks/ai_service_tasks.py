"""Background jobs that ask the model for something other than an answer."""

from assistants.services.titles import generate_title_from_first_message


async def task_generate_conversation_title(message: int) -> None:
    """Generates a title for the conversation of a question, unless it has one. `message` is the question's id."""
    await generate_title_from_first_message(message)
