"""The former place of `testing.fakes`."""

from testing.fakes import *  # noqa: F403
