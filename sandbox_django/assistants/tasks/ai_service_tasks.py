"""Jobs for the model that don't delay an answer."""

from assistants.services.titles import generate_title_from_first_message


async def task_generate_conversation_title(message: int) -> None:
    """Creates a title for the conversation of this question (its id), unless it has one."""
    await generate_title_from_first_message(message)
