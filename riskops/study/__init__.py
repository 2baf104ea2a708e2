"""What the promotion gate is worth, measured on simulated desks.

Two kinds of panels. *Series* (``series``) draw the two benefits of every desk-day directly: cheap, so
that error rates are known to a per mille. *Desks* (``desks``) let the demo desk trade, and send its
history through rules, model, replay and gate: all of the machine, on fewer panels.

``scenarios`` puts the questions, ``running`` answers them on all cores, ``findings`` holds the table
with its bars and ``page`` writes it down.
"""
