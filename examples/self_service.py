#!/usr/bin/env python3
"""My ESR Self-Service: a relying party that shows a person their payslip.

Everything about signing in is in `relying_party/sign_in.py`; this file is the application itself. The person
comes from the claims of the sign-in, the figures are invented.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from relying_party.application import Application
from relying_party.server import run

PAY_DAY = 27


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a payslip; `amount` in pounds."""

    text: str
    detail: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Payslip:
    """One month's pay."""

    month: str
    pay_date: str
    payments: tuple[Line, ...]
    deductions: tuple[Line, ...]

    @property
    def gross(self) -> Decimal:
        """Everything paid, in pounds."""
        return sum((line.amount for line in self.payments), Decimal(0))

    @property
    def deducted(self) -> Decimal:
        """Everything taken off, in pounds."""
        return sum((line.amount for line in self.deductions), Decimal(0))

    @property
    def net(self) -> Decimal:
        """What reaches the bank account, in pounds."""
        return self.gross - self.deducted


PAYMENTS = (
    Line("Basic pay", "Agenda for Change band 5, full time", Decimal("2587.42")),
    Line("Night duty enhancement", "22 hours at £4.76", Decimal("104.72")),
    Line("Sunday enhancement", "15 hours at £9.53", Decimal("142.95")),
)
DEDUCTIONS = (
    Line("Income tax", "Tax code 1257L", Decimal("310.40")),
    Line("National Insurance", "Category A", Decimal("142.97")),
    Line("NHS Pension Scheme", "8.3% of pensionable pay", Decimal("235.31")),
    Line("Staff car park", "", Decimal("18.50")),
)


def latest_payslip(today: date) -> Payslip:
    """Return the payslip of the last pay day up to `today`."""
    in_month = today if today.day >= PAY_DAY else today.replace(day=1) - timedelta(days=1)
    pay_date = in_month.replace(day=PAY_DAY)
    return Payslip(
        month=pay_date.strftime("%B %Y"),
        pay_date=f"{pay_date.day} {pay_date.strftime('%B %Y')}",
        payments=PAYMENTS,
        deductions=DEDUCTIONS,
    )


def content(_claims: Mapping[str, Any], today: date) -> dict[str, object]:
    """Return what `payslip.html` shows beside the person's claims."""
    return {"payslip": latest_payslip(today)}


APPLICATION = Application(
    name="My ESR Self-Service",
    summary="See your payslips, wherever you work in the NHS.",
    home="Payslip",
    template="payslip.html",
    theme="self-service",
    cookie="esr_self_service",
    scope="openid profile email esr",
    other="Learning",
    content=content,
)

if __name__ == "__main__":
    run(APPLICATION)
