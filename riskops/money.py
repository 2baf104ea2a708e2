"""Integer cents inside, dollars at the edges."""

from decimal import ROUND_HALF_EVEN, Decimal

CENT = Decimal("0.01")
WHOLE_FROM_CENTS = 10_000  # from here on prose leaves the cents out


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


def at_least(amount_cents: int) -> str:
    """Return an amount that suffices where `amount_cents` does: from $100 on rounded up to dollars."""
    return dollars(amount_cents if amount_cents < WHOLE_FROM_CENTS else -(-amount_cents // 100) * 100)


def at_most(amount_cents: int) -> str:
    """Return an amount that stays within `amount_cents`: from $100 on rounded down to dollars."""
    return dollars(amount_cents if amount_cents < WHOLE_FROM_CENTS else amount_cents // 100 * 100)
