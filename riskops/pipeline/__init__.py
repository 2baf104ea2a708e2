"""The verbs of a morning: one file, one function, one task, one command each."""
