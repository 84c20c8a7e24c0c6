"""Erasure of leads: tombstones to compacted topics, and a list of what ages out where and when.

It reads the topics that hold records of single leads, without a consumer group (`leadscore erase`).
It imports ``stream.replay`` and the layers below.
"""
