pytest_plugins = ["test_utils.socket_contract"]
