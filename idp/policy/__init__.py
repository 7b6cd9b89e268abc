"""Decide what a request asks, what a person still has to do, what a client may register, and when to wait.

Every module here takes facts as arguments and returns a value. The package uses the standard library only and
has no clock, no randomness and no input or output: the time is an argument, and what a database or a person
would have to be asked for has been asked before. So each rule is one table in `tests/policy`.
"""
