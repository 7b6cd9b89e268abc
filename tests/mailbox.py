"""What is queued to be mailed, as the worker will read it."""

from sqlalchemy import select

from idp.accounts.post import Enclosed
from idp.db.engine import migration_engine
from idp.db.outbox import outbox
from idp.services.keys import MasterKeys
from idp.services.letters import Letters


def queued(url: str, masters: MasterKeys) -> list[Enclosed]:
    """Every letter that has not been sent, oldest first."""
    waiting = select(outbox.c.id, outbox.c.sealed).where(outbox.c.sealed.is_not(None))
    with migration_engine(url).connect() as connection:
        rows = connection.execute(waiting.order_by(outbox.c.created_at)).all()
    return [Enclosed.open(masters, row.id, row.sealed) for row in rows]


def text(letter: Enclosed) -> str:
    """What its reader sees, as plain text."""
    return Letters().render(letter.letter, letter.language, letter.values).text
