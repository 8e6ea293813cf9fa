"""Small jobs for the model that nobody waits for."""

from assistants.services.titles import generate_title_from_first_message


async def task_generate_conversation_title(message: int) -> None:
    """Give the conversation of this question (its id) a title, unless it has one."""
    await generate_title_from_first_message(message)
