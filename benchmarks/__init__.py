"""Benchmarks: one definition of the work, several contenders, figures printed as measured."""
