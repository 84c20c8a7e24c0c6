"""The service: the only package that depends on Kafka, Faust and the process."""
