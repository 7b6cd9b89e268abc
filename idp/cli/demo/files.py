"""Write a file so that a kill leaves the old one or the new one."""

import os
from pathlib import Path


def write(path: Path, content: str | bytes) -> None:
    """Replace a file as a whole, for its owner alone."""
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content.encode() if isinstance(content, str) else content)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
