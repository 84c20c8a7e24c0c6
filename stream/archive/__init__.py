"""The archive of leads: the records of the leads topic as Parquet files, with exact offsets.

The files themselves say what is archived; the group's commits only show the lag. A replay reads an
archive like a topic (docs/adr/0038). May import: consume and below.
"""
