"""The figures of a run as Markdown for people and as JSON for scripts.

The targets are those of the first version; a line says by how much one is missed.
"""

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Final

from bench.measure import Figure, median, ratio

BARE: Final = "bare"
SIGN_IN: Final = "sign_in"
_SIGN_IN_TARGET: Final = 0.85
_OTHERWISE: Final = 0.7
# Operations a second of ours ÷ the peer's; what is not named must reach _OTHERWISE.
_TARGETS: Final[Mapping[str, float]] = MappingProxyType({"code_flow": 1.0})
_READY_TARGET: Final = 1.5
_MEMORY_TARGET: Final = 130
_ALIKE_TARGET: Final = 1.2
_ERRORS_SHOWN: Final = 5
_EXPLANATION: Final = """\
Milliseconds of processor time are those of the server's processes for one operation. A ratio is the median of
the rounds' ratios; above 1 the product does more operations a second. The peer is npm oidc-provider: RS256 ID
Tokens and ES256 access tokens as the product's, opaque access tokens for userinfo and introspection, which it
demands there. Sign-in is not measured on it: it checks no password."""


@dataclass(slots=True)
class Run:
    """Everything a run found; figures by server (`product`, `peer`, `bare`) and operation, one a round."""

    database: str
    facts: dict[str, str]
    settings: Mapping[str, str]
    figures: dict[tuple[str, str], list[Figure]] = field(default_factory=dict)
    hashes_per_second: list[float] = field(default_factory=list)
    ready_seconds: dict[str, float] = field(default_factory=dict)
    worker_mebibytes: dict[str, float] = field(default_factory=dict)
    guessing_milliseconds: dict[str, float] = field(default_factory=dict)
    recovery_milliseconds: dict[str, dict[str, float]] = field(default_factory=dict)

    def add(self, server: str, figure: Figure) -> None:
        """Keep the figure of one window."""
        self.figures.setdefault((server, figure.operation), []).append(figure)

    @property
    def failed(self) -> int:
        """How many operations failed in all windows together."""
        return sum(figure.failed for figures in self.figures.values() for figure in figures)

    @property
    def errors(self) -> list[str]:
        """The first errors of every window, with where they were met."""
        return [
            f"{server} {operation}: {error}"
            for (server, operation), figures in self.figures.items()
            for figure in figures
            for error in figure.errors
        ]


def write(run: Run, folder: Path, date: str) -> Path:
    """Write DATE-DATABASE.md and .json into `folder`; gives the Markdown's path."""
    folder.mkdir(parents=True, exist_ok=True)
    stem = folder / f"{date}-{run.database}"
    stem.with_suffix(".json").write_text(json.dumps(_document(run), indent=1) + "\n")
    page = stem.with_suffix(".md")
    page.write_text(markdown(run, date))
    return page


def markdown(run: Run, date: str) -> str:
    """The page of a run."""
    parts = [
        f"# Benchmark of {date} on {run.database}",
        "; ".join(f"{name} {value}" for name, value in {**run.facts, **run.settings}.items()) + ".",
        _EXPLANATION,
        "\n".join(_operations(run)),
        "\n".join(_single_figures(run)),
        "\n".join(_errors(run)),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _operations(run: Run) -> list[str]:
    lines = [
        "| operation | server | ops/s | p50 ms | p99 ms | CPU ms | product ÷ peer | must | CPU ÷ bare view |",
        "|---|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    bare = run.figures.get((BARE, BARE), [])
    for (server, operation), figures in sorted(run.figures.items(), key=lambda item: item[0][1]):
        cells = [operation, server, f"{median(figures, _rate):,.0f}"]
        cells += [f"{median(figures, value):.2f}" for value in (_p50, _p99)]
        cells += [f"{median(figures, _cpu):.3f}"]
        cells += _against_peer(run, server, operation, figures)
        cells += [f"{ratio(figures, bare, _cpu):.1f}" if len(bare) == len(figures) else ""]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _against_peer(run: Run, server: str, operation: str, figures: Sequence[Figure]) -> list[str]:
    peer = run.figures.get(("peer", operation))
    if server != "product" or not peer:
        return ["", ""]
    must = _TARGETS.get(operation, _OTHERWISE)
    return [f"{ratio(figures, peer, _rate):.2f}", _verdict(ratio(figures, peer, _rate) >= must, f"{must}")]


def _single_figures(run: Run) -> list[str]:
    lines = []
    sign_ins = run.figures.get(("product", SIGN_IN), [])
    if run.hashes_per_second:
        hashes = statistics.median(run.hashes_per_second)
        lines.append(f"- password hashes alone: {hashes:.1f} a second")
        if sign_ins:
            share = median(sign_ins, _rate) / hashes
            must = _verdict(share >= _SIGN_IN_TARGET, f"{_SIGN_IN_TARGET:.0%}")
            lines.append(f"- sign-in: {share:.0%} of that rate (must: {must})")
    for server, seconds in run.ready_seconds.items():
        must = (
            f" (must: {_verdict(seconds <= _READY_TARGET, f'{_READY_TARGET} s')})"
            if server == "product"
            else ""
        )
        lines.append(f"- {server} ready after {seconds:.2f} s{must}")
    for server, size in run.worker_mebibytes.items():
        must = (
            f" (must: {_verdict(size <= _MEMORY_TARGET, f'{_MEMORY_TARGET} MiB')})"
            if server == "product"
            else ""
        )
        lines.append(f"- {server} worker after load: {size:.0f} MiB{must}")
    if run.guessing_milliseconds:
        lines.append(_alike("wrong password", run.guessing_milliseconds))
    for page, milliseconds in run.recovery_milliseconds.items():
        lines.append(_alike(f"asking for login details, {page}", milliseconds))
    return lines


def _alike(what: str, milliseconds: Mapping[str, float]) -> str:
    medians = "; ".join(f"{kind} {value:.1f}" for kind, value in milliseconds.items())
    spread = max(milliseconds.values()) / min(milliseconds.values())
    must = _verdict(spread <= _ALIKE_TARGET, f"{_ALIKE_TARGET}")
    return f"- {what}, median ms: {medians}. Slowest ÷ fastest {spread:.2f} (must: {must})"


def _errors(run: Run) -> list[str]:
    if not run.failed:
        return ["No errors."]
    errors = run.errors
    return [
        f"**{run.failed} errors**, the first:",
        "",
        *(f"- `{error[:300]}`" for error in errors[:_ERRORS_SHOWN]),
    ]


def _document(run: Run) -> dict[str, object]:
    figures = [
        {"role": server, "round": number, **asdict(figure)}
        for (server, _), rounds in run.figures.items()
        for number, figure in enumerate(rounds)
    ]
    return {
        "database": run.database,
        "machine": run.facts,
        "settings": dict(run.settings),
        "figures": figures,
        "hashes_per_second": run.hashes_per_second,
        "ready_seconds": run.ready_seconds,
        "worker_mebibytes": run.worker_mebibytes,
        "guessing_milliseconds": run.guessing_milliseconds,
        "recovery_milliseconds": run.recovery_milliseconds,
    }


def _verdict(met: bool, must: str) -> str:
    return must if met else f"{must}, **missed**"


def _rate(figure: Figure) -> float:
    return figure.per_second


def _p50(figure: Figure) -> float:
    return figure.p50


def _p99(figure: Figure) -> float:
    return figure.p99


def _cpu(figure: Figure) -> float:
    return figure.cpu
