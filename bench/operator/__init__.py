"""The operator beside a stock Kopf operator, and beside a bare loop of the same writes: `make bench`."""
