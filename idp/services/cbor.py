"""Read the CBOR that authenticators write, and no other.

RFC 8949, narrowed to CTAP 2.2 §8: whole numbers, bytes, text, true and false, lists and maps, four deep, of
definite lengths, without tags and without a key twice. A general decoder takes references to other values,
with which a kilobyte becomes a million of them.
"""

from typing import Final, TypeAlias

Item: TypeAlias = "int | bool | bytes | str | list[Item] | dict[int | str, Item]"

DEEPEST: Final = 4
_BYTES: Final = 2
_SIMPLE: Final = 7
# What follows the head: nothing while the number is small, else 1, 2, 4 or 8 bytes of it.
_SMALL: Final = 24
_WIDTHS: Final = {24: 1, 25: 2, 26: 4, 27: 8}
_SIMPLES: Final = {20: False, 21: True}


def read(data: bytes, start: int = 0) -> tuple[Item, int]:
    """The item that begins at `start`, and where it ends. Raises ValueError for anything else."""
    return _item(data, start, DEEPEST)


def _item(data: bytes, at: int, depth: int) -> tuple[Item, int]:
    kind, number, at = _head(data, at)
    match kind:  # RFC 8949 §3.1
        case 0 | 1:
            return (-1 - number if kind else number), at
        case 2 | 3:
            taken, at = _taken(data, at, number)
            return (taken if kind == _BYTES else taken.decode()), at
        case 4:
            return _list(data, at, number, _deeper(depth))
        case 5:
            return _map(data, at, number, _deeper(depth))
        case 7 if number in _SIMPLES:
            return _SIMPLES[number], at
    raise ValueError("a tag, a fraction or something else that authenticators do not write")


def _head(data: bytes, at: int) -> tuple[int, int, int]:
    """What kind of item it is, its number, and where the rest begins."""
    first, at = _taken(data, at, 1)
    kind, number = first[0] >> 5, first[0] & 31
    if number < _SMALL:
        return kind, number, at
    if number not in _WIDTHS or kind == _SIMPLE:
        raise ValueError("an indefinite length, or a head that means nothing")
    wide, at = _taken(data, at, _WIDTHS[number])
    return kind, int.from_bytes(wide), at


def _taken(data: bytes, at: int, length: int) -> tuple[bytes, int]:
    end = at + length
    if end > len(data):
        raise ValueError("it ends too early")
    return data[at:end], end


def _deeper(depth: int) -> int:
    if depth == 0:
        raise ValueError(f"it is nested more than {DEEPEST} deep")
    return depth - 1


def _list(data: bytes, at: int, length: int, depth: int) -> tuple[list[Item], int]:
    items: list[Item] = []
    # However many are promised: the data ends before anybody's patience does.
    for _ in range(length):
        item, at = _item(data, at, depth)
        items.append(item)
    return items, at


def _map(data: bytes, at: int, length: int, depth: int) -> tuple[dict[int | str, Item], int]:
    items: dict[int | str, Item] = {}
    for _ in range(length):
        key, at = _item(data, at, depth)
        if type(key) not in {int, str} or not isinstance(key, int | str) or key in items:
            raise ValueError("a key comes twice, or is neither a number nor a text")
        items[key], at = _item(data, at, depth)
    return items, at
