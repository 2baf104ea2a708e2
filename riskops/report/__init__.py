"""The report: what it says (content) and how it looks (render)."""
