"""An executable specification of concurrency in Python, graded on the interpreter at hand."""
