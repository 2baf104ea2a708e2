"""RiskOps decides, explains and mails the daily loss limits of a trading desk.

Reading order
-------------
``config`` (every business number), ``records`` (the words of the domain), ``rules`` and
``limits`` (the champion), ``features``, ``models`` and ``economics`` (the challenger),
``evidence`` (who decides), ``pipeline`` (the verbs, one file each), ``store`` (the risk
database), ``report`` and ``delivery`` (the mail), ``cli`` (the same verbs by hand).
"""

__version__ = "0.1.0"
