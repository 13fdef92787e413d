"""`python -m chatassistant_operator.cli`: the same as `kubectl-assistant`."""

from chatassistant_operator.cli import main

main()
