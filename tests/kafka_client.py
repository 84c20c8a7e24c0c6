"""The former place of `testing.kafka_client`."""

from testing.kafka_client import *  # noqa: F403
