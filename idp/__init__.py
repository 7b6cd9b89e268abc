"""An OpenID Connect identity provider for NHS staff: five verbs, each a package, and imports only point down.

    __main__   runs it               python -m idp
    cli        operates it           one module per noun
    app        assembles it          the only place where the parts meet
    assembly   puts together        what servers and commands share
    settings   reads IDP_*           and refuses to start when something is wrong
    web        speaks HTTP           Flask lives only here
    provider   holds it together     the assembled parts as one frozen value
    protocol   serves clients        Authlib lives only here, one module per specification
    accounts   serves people         sign-in, sessions, consent; no HTTP
    db         remembers             SQLAlchemy lives only here
    services   asks the world        time, randomness, keys, hashing, mail, logs
    policy     decides               standard library only: no clock, no randomness, no I/O

Beside the code lie `translations` (the pages' words in Welsh) and, inside an installed package, `templates`,
`migrations` and `examples`, which are at the top of a checkout.
"""
