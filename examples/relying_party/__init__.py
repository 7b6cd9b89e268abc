"""What the two example applications share.

    sign_in      OpenID Connect: read this one first
    app          the pages
    session      sessions kept on the server, found by a signed cookie
    browser      security headers, forged posts, the one address
    inspector    tokens decoded, checked and explained
    hops         what went over the wire, with secrets masked
    settings     the command line
    application  what makes one application differ from the other
    server       a small server for a demonstration

Nothing here imports the identity provider: an integrator has only its address.
"""
