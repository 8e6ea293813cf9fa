import gc

import pytest

pytest_plugins = [
    "test_utils.rest_contract",
    "test_utils.socket_contract",
    "test_utils.cpu_contract",
    "test_utils.database_plugin",
    "test_utils.stacks",
]


def pytest_collection_finish(session: pytest.Session) -> None:
    # Imported modules stay until the end. Searching their objects for garbage repeatedly took 6 % of the CPU time.
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 20)
