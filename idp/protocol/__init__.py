"""Serves clients: OAuth 2.0 and OpenID Connect, one module per specification. Authlib lives only here.

`server` is the table of what is on; each module owns one specification's rules. A gate (redeem a code,
rotate a token) opens its own short transaction and closes it before anything is signed or answered.
"""
