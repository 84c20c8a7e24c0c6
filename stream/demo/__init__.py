"""The demo: a broker, a simulated CRM, a worker, and an audit at the end.

It runs what a company would run, on real contacts, and counts every event twice. The broker is in
``stream.broker``, the CRM in ``stream.simulator``. It imports any part of ``stream`` but
``stream.cli``.
"""
