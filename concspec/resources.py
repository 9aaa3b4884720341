"""What a spec needs of the machine: without it there is no verdict."""

from __future__ import annotations

import multiprocessing

from concspec import inconclusive

_SEMAPHORES = 64
"""More than any spec makes: a queue has three, a pool five."""


def need_semaphores() -> None:
    """Inconclusive if there is no room for the semaphores of multiprocessing's locks.

    On Linux they take a page each of /dev/shm, even after they have been unlinked.
    """
    methods = multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("fork" if "fork" in methods else "spawn")
    try:
        _ = [context.Semaphore() for _ in range(_SEMAPHORES)]
    except (ImportError, OSError) as error:
        inconclusive(
            f"no room for multiprocessing's semaphores ({error}): on Linux, make some in /dev/shm",
            f"没有空间存放 multiprocessing 的信号量（{error}）：在 Linux 上请清理 /dev/shm",
        )
