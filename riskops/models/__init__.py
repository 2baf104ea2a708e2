"""The challenger: models of every trader, pooled."""
