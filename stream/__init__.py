"""Kafka, Faust and the process: the only package that knows them."""
