"""What every spec would have to clean up, and cannot by public means."""

import pytest

from concspec.guard import end_multiprocessing


@pytest.fixture(autouse=True)
def multiprocessing_ends_with_the_spec():
    """What multiprocessing keeps for the whole life of a process, such as the forkserver."""
    yield
    end_multiprocessing()
