"""Development settings for the servers that tests start. Their responses are compared with the OpenAPI document."""

from config.settings.dev import *  # noqa: F403  # as all settings: the others, and what differs
from config.settings.dev import MIDDLEWARE

MIDDLEWARE = ["test_utils.rest_contract.ContractMiddleware", *MIDDLEWARE]
