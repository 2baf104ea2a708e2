"""Where every number of the mail comes from; `explanation` has the two questions one may ask."""
