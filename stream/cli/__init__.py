"""The commands of `leadscore`, a module each."""
