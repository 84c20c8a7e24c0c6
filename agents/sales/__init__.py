"""Grades of leads and roll-ups of accounts, by rules that sales operations declare in a file.

Plain functions of records: no Kafka, no clock. ``stream.sales`` reads the topics.
"""
