"""PropReports, a proprietary desk's back office, as a source of fills and of the broker's own summaries.

Reading order
-------------
``refusals`` (what a no of the server means), ``patience`` (how fast, how long and how often it is
asked), ``pages`` (whether an answer is whole), ``client`` (the API), ``tables`` (CSV by the names of
its columns), ``fills``, ``summaries`` and ``closed_trades`` (what the answers say), ``accounts``
(which of its accounts are whose), ``source`` (all of it as one `Source`).
"""
