"""The chatbot and its peers in one run; `python -m bench.chatbot --peers ours,asgi --rounds 1` measures a part."""

import argparse
import os
import random
import sys
import tempfile
from collections import defaultdict
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from bench.chatbot import environments, processes, report
from bench.chatbot.measure import Bench, Figures
from bench.chatbot.peers import PEERS
from bench.chatbot.processes import BenchError


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.chatbot", description=__doc__)
    parser.add_argument("--peers", default=",".join(PEERS), help="whom to compare (%(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="how often (%(default)s)")
    parser.add_argument("--connections", default="1,16,64", help="of the closed loops (%(default)s)")
    parser.add_argument("--seconds", type=float, default=3, help="of a closed loop (%(default)s)")
    parser.add_argument("--streams", type=int, default=200, help="at a time (%(default)s)")
    parser.add_argument("--stream-seconds", type=float, default=10, help="of a stream (%(default)s)")
    parser.add_argument(
        "--hour", type=int, default=60_000, help="an hour's requests, 0 for none (%(default)s)"
    )
    parser.add_argument(
        "--readers", type=int, default=1000, help="that read slowly, 0 for none (%(default)s)"
    )
    parser.add_argument("--slow-seconds", type=float, default=30, help="that they read (%(default)s)")
    return parser.parse_args()


@contextmanager
def _bench() -> Generator[Bench]:
    """The first core of this process for who is measured, the others for upstream, load and this."""
    server, *others = sorted(os.sched_getaffinity(0))
    if not others:
        raise BenchError("Two cores are needed: one for who is measured, one for the load.")
    os.sched_setaffinity(0, others)
    programs = environments.programs()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        log = folder / "upstream.log"
        with processes.running([programs / "upstream"], {}, log, set(others)) as upstream:
            url = processes.first_line(upstream, log)
            yield Bench(folder, programs / "load", url, server)


def _rounds(bench: Bench, names: list[str], options: argparse.Namespace) -> dict[str, list[Figures]]:
    """Everybody in each round, in an order that is another each time."""
    connections = tuple(map(int, options.connections.split(",")))
    found: dict[str, list[Figures]] = defaultdict(list)
    for number in range(options.rounds):
        for name in random.sample(names, len(names)):
            print(f"round {number + 1} of {options.rounds}: {name}", flush=True)
            with bench.started(PEERS[name]) as running:
                figures = running.round(connections, options.seconds, options.streams, options.stream_seconds)
                found[name].append(figures)
    return {name: found[name] for name in names}


def main() -> None:
    """Print tables and goals."""
    options = _arguments()
    names = [name for name in PEERS if name in options.peers.split(",")]
    if unknown := set(options.peers.split(",")) - set(names):
        sys.exit(f"Nobody is called {', '.join(sorted(unknown))}; there are {', '.join(PEERS)}.")
    hour: Figures | None = None
    slow: dict[str, Figures] = {}
    with _bench() as bench:
        rounds = _rounds(bench, names, options)
        if "ours" in names and options.hour:
            print(f"ours: {options.hour} requests", flush=True)
            with bench.started(PEERS["ours"]) as running:
                hour = running.hour(options.hour)
        for name in [each for each in ("asgi", "ours") if options.readers and each in names]:
            print(f"{name}: {options.readers} slow readers", flush=True)
            with bench.started(PEERS[name]) as running:
                slow[name] = running.slow_readers(options.readers, options.slow_seconds)
    connections = [int(each) for each in options.connections.split(",")]
    print(f"\n{report.tables(rounds, connections, options.streams)}\n")
    print(
        report.lines(
            {"ours, an hour's requests": hour or {}} | {f"{name}, slow readers": slow[name] for name in slow}
        )
    )
    for goal in report.goals(rounds, hour, slow):
        print(f"{'met    ' if goal.met else 'NOT MET'}  {goal.text}: {goal.figure:.2f}")


if __name__ == "__main__":
    try:
        main()
    except BenchError as error:
        sys.exit(str(error))
