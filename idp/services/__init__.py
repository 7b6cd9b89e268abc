"""What the product asks of the world: time, chance, keys, slow hashes and a place to log.

Each is a small object that `app` makes once and tests replace. Nothing here knows the database or HTTP
requests.
"""
