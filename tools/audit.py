"""Fails where a package of `constraints.txt` has a known vulnerability; says so where the list of them is out of reach.

Run by `make check`. pip-audit asks the Python Packaging Advisory Database, for which it needs a network.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

CONSTRAINTS = Path(__file__).resolve().parents[1] / "constraints.txt"
AWAY = re.compile(
    r"ConnectionError|Connection refused|Connect ?[Tt]imeout|NewConnectionError|NameResolutionError|ProxyError|"
    r"Max retries exceeded|Read timed out|(?:403|407|50[234]) (?:Client|Server) Error|ServiceError"
)
"""How pip-audit's errors read where its database cannot be asked."""
LIMIT_S = 300


def verdict(code: int, said: str) -> tuple[int, str]:
    """The exit code of this check, and a sentence.

    Args:
        code: Of pip-audit.
        said: All that it printed.
    """
    if code == 0:
        return 0, "no known vulnerability in the packages of constraints.txt"
    if found := re.search(r"Found \d+ known vulnerabilit\w+ in \d+ packages?", said):
        return 1, f"{found[0]}: raise the versions in constraints.txt, run the tests, and commit both"
    if AWAY.search(said):
        return 0, "not checked for known vulnerabilities: their database is out of reach from here"
    return 1, f"pip-audit ended with {code} and told of no vulnerability; see above"


def main() -> int:
    """Run pip-audit."""
    words = [sys.executable, "-m", "pip_audit", "--requirement", str(CONSTRAINTS), "--no-deps", "--disable-pip"]
    try:
        ran = subprocess.run(
            [*words, "--progress-spinner", "off"], capture_output=True, text=True, timeout=LIMIT_S, check=False
        )
    except subprocess.TimeoutExpired:
        print("not checked for known vulnerabilities: their database does not answer", file=sys.stderr)
        return 0
    code, sentence = verdict(ran.returncode, ran.stdout + ran.stderr)
    if code:
        print(ran.stdout, ran.stderr, sep="\n")
    print(sentence, file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
