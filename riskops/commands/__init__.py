"""The commands by subject: verbs, the whole morning, setting up, and asking."""
