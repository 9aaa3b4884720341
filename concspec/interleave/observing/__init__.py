"""What the instruction touches before which a thread stands.

Read bottom up: `accesses` says what can be touched, `bytecode` finds where code does so; `classes`,
`c_code` and `looking` tell what objects are without running code of the program; `objects` has
those of one execution, `values` what an instruction works with, `observer` what it touches.
"""
