"""Measures what the floors of the operator are about; `make bench` prints the table."""
