#!/usr/bin/env python3
"""A stand-in for NHS Care Identity (CIS2): who needs no Smartcard to try signing in with one.

It is for demonstrations and tests on one machine. Anybody is let in as anybody: never trust it elsewhere.
"""

from care_identity_provider.server import run

if __name__ == "__main__":
    run()
