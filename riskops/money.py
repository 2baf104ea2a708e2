"""Integer cents inside, dollars at the edges."""

from decimal import ROUND_HALF_EVEN, Decimal

CENT = Decimal("0.01")


def cents(usd: Decimal) -> int:
    """Return `usd` in integer cents, halves to even."""
    return int((usd.quantize(CENT, rounding=ROUND_HALF_EVEN)) * 100)


def dollars(amount_cents: int) -> str:
    """Return an amount as the reports print it: ``$2,500``, ``-$310``, ``$12.50``."""
    sign = "-" if amount_cents < 0 else ""
    whole, rest = divmod(abs(int(amount_cents)), 100)
    return f"{sign}${whole:,}.{rest:02d}" if rest else f"{sign}${whole:,}"


def whole_dollars(amount_cents: float) -> str:
    """Return an amount rounded to dollars, for totals and estimates."""
    rounded = round(float(amount_cents) / 100)
    return f"-${-rounded:,}" if rounded < 0 else f"${rounded:,}"
