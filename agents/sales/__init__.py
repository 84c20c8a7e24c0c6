"""Grades and accounts of leads, by rules that sales operations declare in a file.

Plain functions of a lead's fields: no Kafka, no clock, no database.
"""
