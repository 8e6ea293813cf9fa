pytest_plugins = ["test_utils.rest_contract"]
