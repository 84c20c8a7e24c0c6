"""Dead letters: statistics, views, trials, re-drives and purges (`leadscore dlq`).

::

    DeadLetterLog ──▶ DeadLetter ──▶ Selection ──▶ SourceRecords ──▶ Trial: scored, not sent
    (bounded read)                                (as it was sent)   Redrive: sent, in transactions
                                                                     with a progress record (ledger)

It imports ``stream.scoring`` and the layers below.
"""
