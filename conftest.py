pytest_plugins = [
    "test_utils.rest_contract",
    "test_utils.socket_contract",
    "test_utils.cpu_contract",
    "test_utils.quick_flush",
    "test_utils.stacks",
]
