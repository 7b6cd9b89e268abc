"""Serves people: sign-in, sessions, consent, and what an administrator does for them. No HTTP.

It cannot see `protocol`, and `protocol` cannot see it: a person's password never comes near a token.
"""
