"""Speed and memory of a model's engines (`leadscore models benchmark`).

Each engine is measured in a process of its own, so that its memory is its own and no other engine
has warmed the cache. May import: ``stream.process`` and below.
"""
