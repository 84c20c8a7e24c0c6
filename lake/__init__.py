"""Leads of a data set too large for memory: Parquet files and Delta tables.

Arrow in, Arrow out. It needs pyarrow (the extra ``lake``). No Kafka, no clock
and no environment: times and locations are parameters.
"""
