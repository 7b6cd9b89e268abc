"""The parts of the stand-in for NHS Care Identity.

    app       the pages, and the endpoints of an OpenID Provider
    flow      what an application asks for, and the errors it is told
    methods   how people prove who they are, in Care Identity's words: `acr`, `amr`, the level
    memory    who is waiting, who is signed in, which codes are good
    tokens    what it signs, and how it knows the application
    settings  the command line
    server    a small server for a demonstration

The words are the real service's, as its guidance for developers and the applications that use it show them.
Nothing here imports the identity provider.
"""
