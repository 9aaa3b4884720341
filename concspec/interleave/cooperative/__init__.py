"""Versions of what programs synchronise with that the scheduler sees, and what puts them in place.

`stand_ins` keeps what is replaced in the standard library; `primitives`, `threads`, `pools` and
`outside` say by what; `replacing` does the same for the locks that a program has already.
"""
