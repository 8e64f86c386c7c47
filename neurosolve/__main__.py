"""`python -m neurosolve`: the same as the command `neurosolve`."""

from neurosolve.cli import main

main()
