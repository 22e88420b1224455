"""Decisions, as pure functions: no clock, no I/O, no logging; whoever calls them hands in what was seen and when."""
