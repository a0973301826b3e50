"""`python -m tests.fuzz`: all three kinds, or fewer of each; exits with 1 if one is answered wrongly."""

from __future__ import annotations

import argparse
import secrets
import sys

import command_line

if __name__ == "__main__":
    command_line.begin()


def main() -> int:
    """Print each fault as it is found, and the seed that finds it again first."""
    parser = argparse.ArgumentParser(prog="make fuzz", description="Random input from stack file to policy pack.")
    parser.add_argument("--seed", type=int, help="the number that a run before printed (default: another each time)")
    parser.add_argument("--settings", type=int, default=20_000, help="wrong settings (default 20000)")
    parser.add_argument("--texts", type=int, default=300, help="broken texts (default 300)")
    parser.add_argument("--stacks", type=int, default=200, help="unusual stacks (default 200)")
    asked = parser.parse_args()

    seed = secrets.randbelow(2**32) if asked.seed is None else asked.seed
    print(f"seed {seed} (ARGS=--seed={seed} repeats it)", flush=True)
    from tests.fuzz import settings, stacks, texts  # what they import takes seconds

    found = 0
    for what, kind, number in (
        ("settings", settings, asked.settings),
        ("texts", texts, asked.texts),
        ("stacks", stacks, asked.stacks),
    ):
        for done, fault in enumerate(kind.faults(seed, number), start=1):
            if fault:
                found += 1
                print(f"{what} {done}: {fault}", flush=True)
            if sys.stderr.isatty():
                print(f"\r\033[K{what} {done} of {number}\r", end="", file=sys.stderr, flush=True)
        print(f"{what}: {number} tried", flush=True)
    print(f"{found} faults" if found else "no fault")
    return 1 if found else 0


if __name__ == "__main__":
    command_line.run(main)
