"""A site where more people wait for a hash than may."""

from idp.services.hashing import Hasher


class full:  # noqa: N801 - reads as what it makes
    """A hasher whose every place is taken by others who wait."""

    def __init__(self, hasher: Hasher) -> None:
        self.places = hasher._pool()._places  # noqa: SLF001 - taken as waiting sign-ins take them
        self.taken = 0

    def __enter__(self) -> None:
        while self.places.acquire(blocking=False):
            self.taken += 1

    def __exit__(self, *_: object) -> None:
        self.places.release(self.taken)
