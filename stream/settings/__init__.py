"""Every environment variable of LeadScore: one typed class, from groups of a module each.

A setting is a field with a docstring in the module of its group; docs/settings.md is made from them
by `make docs`. May import nothing of ``stream``.
"""

from stream.settings.base import PREFIX
from stream.settings.environment import GROUPS, Settings, load_settings, variable_of

__all__ = ["GROUPS", "PREFIX", "Settings", "load_settings", "variable_of"]
