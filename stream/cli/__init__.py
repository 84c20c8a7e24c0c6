"""The commands of `leadscore`, a module each.

A command reads its options, calls a package of ``stream`` and prints the result; its screen, its
options and its work have modules of their own if they are long. May import any part of ``stream``.
"""
