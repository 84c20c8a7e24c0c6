"""Dead letters: statistics, views, trials, re-drives and purges (`leadscore dlq`).

::

    DeadLetterLog ──▶ DeadLetter ──▶ Selection ──▶ SourceRecords ──▶ Trial: scored, not sent
    (bounded read)                                (as it was sent)   Redrive: sent, in transactions
                                                                     with a progress record (ledger)

A re-drive sends each letter once: its ledger is in the same transaction. It imports
``stream.scoring``, ``stream.sinks`` and the layers below.
"""
