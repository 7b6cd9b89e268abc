"""Speaks HTTP. Flask lives only here.

Two front doors, both listed in `routes`: pages for people, which Flask serves, and endpoints for machines,
which need none of it. `authorize` is the hub: every page returns to it, and it alone picks the next step.
"""
