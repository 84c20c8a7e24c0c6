"""Models registered on an MLflow tracking server, by its REST API: `leadscore models export`.

It imports `stream.process` and the layers below `stream`.
"""
