"""What stands in for locks, threads and the like, so that the scheduler sees what they do.

`table` keeps what is replaced in the standard library; `primitives`, `threads` and `refused` say by
what, each for its part.  `pools` does the same to modules that need not have been imported,
`lending` to what a program has already.  `running` tells whose thread has called what stands in.
"""

from __future__ import annotations

# `primitives`, `refused` and `threads` fill the table.
from concspec.interleave.stand_ins import pools, primitives, refused, table, threads  # noqa: F401
from concspec.interleave.stand_ins.table import are_installed


def install() -> None:
    """Put the stand-ins in place."""
    table.install()
    pools.install()


def uninstall() -> None:
    """Put back what was there."""
    pools.uninstall()
    table.uninstall()


__all__ = ["are_installed", "install", "uninstall"]
