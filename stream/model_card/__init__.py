"""The card of a model, for people: `leadscore models show --card`.

Its content is a structure without a format; HTML and Markdown are written from it. It imports the
bundle and its history from `model`, and plots from `stream.comparison`.
"""
