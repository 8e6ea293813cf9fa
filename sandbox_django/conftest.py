import pytest
from django.core.cache import cache


@pytest.fixture(autouse=True)
def nothing_counted_yet() -> None:
    """No test meets the limits that another one has used up."""
    cache.clear()
