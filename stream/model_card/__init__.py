"""The card of a model, for people: `leadscore models show --card`.

It imports the bundle and its history from `model`, and plots from `stream.comparison`.
"""
