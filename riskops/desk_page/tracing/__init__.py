"""Where every number of the desk's pages comes from, told from what the pages are arranged from.

What a page repeats of the mail is traced by the mail's own explanation; here stands what it adds.
"""
