"""What can go wrong in the database, in two words the layers above can act on."""


class Conflict(Exception):
    """A row with that key exists already, or a row it refers to does not."""


class Unavailable(Exception):
    """The database did not answer in time, is full, locked or gone. Nothing was said to be done."""
