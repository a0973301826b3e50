"""Random input from stack file to policy pack: `python -m tests.fuzz`, or `make fuzz`.

Three kinds, each of a seed that is printed: wrong settings, broken texts, and stacks that are right and unusual. What
comes back is a `Fault` a sentence; none is wanted. CI runs a slice of the same with a seed that is always the same.
"""
