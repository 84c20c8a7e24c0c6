"""Models registered on an MLflow tracking server, by its REST API: `leadscore models export`.

A model's files, parameters and figures become a run, and a version of the registered model of the
same name. It imports `stream.process` and the layers below `stream`.
"""
