"""`python -m vbench`."""

from vbench.cli import main

main()
