"""Webhooks of CRMs, received over HTTP and written to Kafka as leads (`leadscore hooks`).

Each kind of webhook is one module that verifies a request and returns its leads; the application
(stream/hooks/app.py) writes them, and answers once Kafka has them.
May import: rest and below.
"""
