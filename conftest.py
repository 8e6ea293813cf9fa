pytest_plugins = [
    "test_utils.rest_contract",
    "test_utils.socket_contract",
    "test_utils.cpu_contract",
    "test_utils.database_plugin",
    "test_utils.stacks",
]
