"""Development settings for the servers that tests start. Their responses are compared with the OpenAPI document."""

from config.settings.dev import *  # noqa: F403  # these settings extend the development settings
from config.settings.dev import MIDDLEWARE

MIDDLEWARE = ["test_utils.rest_contract.ContractMiddleware", *MIDDLEWARE]
