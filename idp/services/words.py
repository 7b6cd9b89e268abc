"""The words that passphrases are made of: the EFF's long list, about 12.9 bits a word.

Shipped by xkcdpass, of which nothing but the list is used. Its few words with a hyphen are left out, so that
a passphrase of three words looks like three.
"""

from functools import cache
from importlib import resources


@cache
def passphrase_words() -> tuple[str, ...]:
    """Every word, in small letters a to z, read when the first passphrase is made."""
    text = (resources.files("xkcdpass") / "static" / "eff-long").read_text(encoding="ascii")
    return tuple(word for word in text.split() if word.isalpha())
