"""Determines why an OpenAI-compatible server rejected a request, from its status, error codes and error text.

Servers have few error codes in common, so most reasons are recognized by the wording of the error text. The text is not
passed on, because it may quote keys, addresses and the conversation.
"""

import json
import re
from dataclasses import dataclass

from assistants.llm.errors import ModelProblem, ModelUnavailable
from assistants.llm.request_format import Part

TOO_LONG = re.compile(
    r"""
    context[ _](length|window|size|limit) | maximum\ context | context\ overflow | context\ the\ overflows
    | (prompt|input|request|message|messages|conversation|text)(\ is|\ are)?\ too\ (long|large|big)
    | string\ too\ long | too\ many\ (input\ |prompt\ )?tokens
    | (reduce|shorten)\ (the\ |your\ )?(length\ of\ (the\ |your\ )?)?(messages?|prompts?|inputs?|conversation)
    | input\ length\ and\ \W?max_tokens\W?\ exceed
    | maximum\ (prompt|input)\ length | range\ of\ input\ length
    | (token\ count|prompt|input|request|number\ of\ (input\ )?tokens)\b[^.]{0,60}\bexceed(s|ed|ing)?\b
    | must\ have\ less\ than\ \d+\ tokens | \binputs\W{0,3}\ tokens\ \+ | \d+\ tokens?\ >\ \d+
    """,
    re.VERBOSE,
)
# The requested token limit is larger than the model's maximum, however short the conversation is.
LIMIT_TOO_LARGE = re.compile(
    r"max_(completion_|output_)?tokens\W[^.]{0,60}\btoo (large|high|big)|at most \d+ completion"
)
NAMES_LIMIT = re.compile(r"max_(completion_)?tokens|tokens? in the (messages|prompt)|in the completion")
NO_SYSTEM_ROLE = re.compile(
    r"""
    [\\"'`]+system[\\"'`]+
    | system[ _-]?(role|instruction|prompt|message|turn)s?\b
    | developer\ (instruction|message|role)
    | roles?\ must\ alternate | roles\ should\ alternate
    | (only|be)\ \W*user\W+(and|or|,)?\W*assistant | only\ \W*(user|assistant)\b[^.]{0,20}\broles
    | \brole\W+system
    """,
    re.VERBOSE,
)


BY_STATUS = {
    401: ModelProblem.AUTH,
    402: ModelProblem.QUOTA,
    403: ModelProblem.AUTH,
    404: ModelProblem.NOT_FOUND,
    408: ModelProblem.TIMEOUT,
    413: ModelProblem.CONTEXT_TOO_LONG,
    429: ModelProblem.RATE_LIMITED,
}
# Values of "code" or "type" in an error body, which are more precise than the status (mostly 400).
BY_CODE = {
    "content_filter": ModelProblem.CONTENT_FILTERED,
    "content_policy_violation": ModelProblem.CONTENT_FILTERED,
    "context_length_exceeded": ModelProblem.CONTEXT_TOO_LONG,
    "exceed_context_size_error": ModelProblem.CONTEXT_TOO_LONG,
    "insufficient_quota": ModelProblem.QUOTA,
    "model_not_found": ModelProblem.NOT_FOUND,
    "rate_limit_exceeded": ModelProblem.RATE_LIMITED,
    "rate_limit_error": ModelProblem.RATE_LIMITED,
    "insufficient_balance": ModelProblem.QUOTA,
    "billing_error": ModelProblem.QUOTA,
    "invalid_api_key": ModelProblem.AUTH,
    "authentication_error": ModelProblem.AUTH,
    "permission_error": ModelProblem.AUTH,
    "not_found_error": ModelProblem.NOT_FOUND,
    "overloaded_error": ModelProblem.OVERLOADED,
    "request_too_large": ModelProblem.CONTEXT_TOO_LONG,
    "string_above_max_length": ModelProblem.CONTEXT_TOO_LONG,
}
# For these problems, the request would also be rejected in another format.
NOT_ABOUT_THE_FORMAT = {
    ModelProblem.AUTH,
    ModelProblem.QUOTA,
    ModelProblem.RATE_LIMITED,
    ModelProblem.CONTENT_FILTERED,
}


def rejection(status: int | None, body: object) -> ModelUnavailable:
    """Returns the failure for an error response. `status` is None for an error in the middle of an answer."""
    if isinstance(body, list) and body:
        body = body[0]
    body = body.get("error", body) if isinstance(body, dict) else body
    code, kind = (str(body.get(key) or "") for key in ("code", "type")) if isinstance(body, dict) else ("", "")
    if status is None and code.isdecimal() and len(code) == 3:
        status = int(code)
    wording = read_wording(body)
    if not (problem := BY_CODE.get(code) or BY_CODE.get(kind)):
        if wording.is_too_long and status not in {401, 403, 404, 429}:
            problem = ModelProblem.CONTEXT_TOO_LONG
        elif status is None and kind == "invalid_request_error":
            problem = ModelProblem.REFUSED
        elif status is None or status >= 500:
            problem = ModelProblem.OVERLOADED
        else:
            problem = BY_STATUS.get(status, ModelProblem.REFUSED)
    rejected = frozenset() if problem in NOT_ABOUT_THE_FORMAT else wording.parts
    return ModelUnavailable(problem, cause=f"HTTP {status}" if status else "error event", rejected=rejected)


@dataclass(frozen=True, slots=True)
class Wording:
    """The parts of the request that an error text mentions, and whether the conversation was too long."""

    parts: frozenset[Part] = frozenset()
    is_too_long: bool = False


def read_wording(body: object) -> Wording:
    """Finds known wording in the body of an error, which is text or any JSON value."""
    text = (body if isinstance(body, str) else json.dumps(body, ensure_ascii=False, default=str)).lower()
    parts = set()
    if "stream_options" in text or "include_usage" in text:
        parts.add(Part.STREAM_OPTIONS)
    if NO_SYSTEM_ROLE.search(text):
        parts.add(Part.SYSTEM_ROLE)
    if LIMIT_TOO_LARGE.search(text):
        return Wording(frozenset({Part.ANY_LENGTH_LIMIT}))
    is_too_long = TOO_LONG.search(text) is not None
    if NAMES_LIMIT.search(text):
        parts.add(Part.ANY_LENGTH_LIMIT if is_too_long else Part.LENGTH_LIMIT)
    return Wording(frozenset(parts), is_too_long)
