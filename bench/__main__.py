"""python -m bench: measure the product beside its peer and a bare view, and write the result."""

import argparse
from pathlib import Path
from typing import Final

from bench import machine, report, rounds
from bench.operations import OPERATIONS

_RESULTS: Final = Path(__file__).parent / "results"


def main() -> None:
    """Run the bench as told on the command line."""
    told = _arguments()
    plan = rounds.Plan(
        database=told.database,
        rounds=told.rounds,
        seconds=told.seconds,
        operations=told.only,
        with_peer=not told.without_peer,
        with_product=not told.without_product,
    )
    run = rounds.measure(plan)
    date = machine.today()
    print(f"\n{report.markdown(run, date)}")
    if told.results is not None:
        print(f"Written to {report.write(run, told.results, date).name} in {told.results.name}.")
    if run.failed:
        raise SystemExit("There were errors: the figures do not count.")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--rounds", type=int, default=5, metavar="N")
    parser.add_argument("--seconds", type=float, default=2.0, metavar="S", help="length of one window")
    parser.add_argument(
        "--only", type=_names, default=tuple(OPERATIONS), metavar="OP,OP", help=", ".join(OPERATIONS)
    )
    parser.add_argument("--without-peer", action="store_true", help="leave npm oidc-provider out")
    parser.add_argument("--without-product", action="store_true", help="only the peer and the bare view")
    parser.add_argument(
        "--results", type=Path, default=_RESULTS, metavar="DIR", help="where the two files go"
    )
    return parser.parse_args()


def _names(text: str) -> tuple[str, ...]:
    names = tuple(text.split(","))
    if unknown := set(names) - set(OPERATIONS):
        raise argparse.ArgumentTypeError(f"no such operation: {', '.join(sorted(unknown))}")
    return names


if __name__ == "__main__":
    main()
