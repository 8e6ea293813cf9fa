"""The tokens that a request to the model has cost."""

from collections.abc import Sequence

from assistants.llm.base import Turn, Usage
from assistants.llm.errors import ModelProblem
from assistants.services.quotas import estimated_tokens

MAX_PLAUSIBLE_COST = 10_000_000  # tokens of one answer; a server that reports more has miscounted
# The server did not process the request, so it costs nothing.
NOT_PROCESSED = {
    problem.value
    for problem in (
        ModelProblem.AUTH,
        ModelProblem.QUOTA,
        ModelProblem.NOT_FOUND,
        ModelProblem.RATE_LIMITED,
        ModelProblem.OVERLOADED,
        ModelProblem.UNREACHABLE,
        ModelProblem.REFUSED,
        ModelProblem.CONTEXT_TOO_LONG,
    )
}


def sent_tokens(turns: Sequence[Turn]) -> int:
    """Returns about how many tokens these turns are, without a tokenizer."""
    return sum(estimated_tokens(turn.content) for turn in turns)


def cost_of(turns: Sequence[Turn], *, received: str, reasoning_size: int, usage: Usage | None, error: str = "") -> int:
    """Returns the tokens that the model reports, or an estimate of those that were sent and received."""
    if usage and 0 < (reported := usage.input_tokens + usage.output_tokens) <= MAX_PLAUSIBLE_COST:
        return reported
    if error in NOT_PROCESSED and not received and not reasoning_size:
        return 0
    return sent_tokens(turns) + (estimated_tokens(received) if received else 0) + reasoning_size // 4
