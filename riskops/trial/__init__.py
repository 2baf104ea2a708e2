"""The trial desk: all of RiskOps and Airflow on one machine, under one supervisor.

Reading order
-------------
``desk`` (what runs, in which order, and when it is ready), ``supervisor`` (start, watch, stop),
``processes`` (children that are on record before they run), ``postgres`` (a server of its own),
``ports`` and ``health`` (what is listened to, and how it is asked).
"""
