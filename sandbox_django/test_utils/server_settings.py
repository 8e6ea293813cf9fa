"""A developer's settings, for the servers that tests start: what they answer is compared with the contract."""

from config.settings.dev import *  # noqa: F403  # as all settings: the others, and what differs
from config.settings.dev import MIDDLEWARE

MIDDLEWARE = ["test_utils.rest_contract.ContractMiddleware", *MIDDLEWARE]
