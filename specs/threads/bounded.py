"""Waiting for threads no longer than a spec may take."""

BOUND = 10.0


def join(*threads):
    """Wait for the end of each thread, and see that it came."""
    for thread in threads:
        thread.join(BOUND)
        assert not thread.is_alive()
