"""The demo: a broker, a simulated CRM, a worker, and an audit at the end.

It runs a real deployment in small, on real contacts, and audits every event. The broker is in
``stream.broker``, the CRM in ``stream.simulator``. It may import any part of ``stream`` except
``stream.cli``.
"""
