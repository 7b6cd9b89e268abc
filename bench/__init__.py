"""Measure the product over HTTP, beside a bare view and npm oidc-provider, in one run.

    __main__     python -m bench: arguments, the servers, the rounds, the two result files
    drive        keep many HTTP connections busy from one thread
    message      one HTTP request or answer as bytes
    browser      what a browser adds: cookies, redirects, a form
    operations   the operations measured, each a short conversation
    target       one server under measurement: its addresses, its client, its people
    process      start, time, weigh and stop a server's processes
    postgresql   a throw-away PostgreSQL that waits for the disk
    measure      windows → figures, rounds → medians
    guessing     is a wrong password answered alike for every kind of username
    recovery     is a request for login details answered alike for member and stranger
    machine      what this machine is
    report       the figures as Markdown and JSON
    product      start `idp serve` for the bench
    peer/        npm oidc-provider with durable storage
    bare/        one SELECT and one INSERT in Flask, and the password hash alone

Every round measures every operation on every server before the next begins, so a machine's slow minute
falls on all of them; what is reported is the median of the rounds, and the median of the rounds' ratios.
"""
