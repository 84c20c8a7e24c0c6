"""Benchmarks: one definition of the workload, several contenders, printed figures as measured."""
