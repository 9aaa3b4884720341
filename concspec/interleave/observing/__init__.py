"""What the next instruction of a thread touches.

In the order in which each uses the ones before: `sites` says what an instruction can touch,
`bytecode` finds where code does so, `escape` and `closures` which of these no other thread can
meet.
`classes` and `looking` tell what objects are without running code of the program, `c_code` what is
known of functions of C.  `objects` has those of one execution, `values` what an instruction works
with, `observer` what it touches.
"""
