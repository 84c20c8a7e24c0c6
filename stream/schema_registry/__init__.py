"""A schema registry: ids of writers' schemas looked up, LeadScore's own schemas checked.

It imports ``process`` and ``settings`` of ``stream``. ``registry`` is the interface,
``confluent_client`` implements it by confluent-kafka's client; ``lookup`` resolves ids and waits,
``disk_cache`` keeps them, ``subjects`` names what is registered, ``compatibility`` checks it.
"""
