"""The challenger that is registered: what it is made of, and the hash it goes by."""

from __future__ import annotations

import hashlib

from riskops import config
from riskops.features import FEATURES


def text() -> str:
    """Return the challenger that is registered: features, heads, parameters and caps, as text."""
    lines = [
        "features: " + ", ".join(feature.name for feature in FEATURES),
        "policy head: ridge of the benefit over the trader's scale; "
        f"levels {config.POLICY_LEVELS}, targets clipped at {config.TARGET_CLIP}, "
        f"penalty {config.RIDGE_PENALTY_PER_ROW} n, standard errors clustered by day",
        f"risk head: L2 logistic of a loss of {config.LARGE_LOSS_OF_BASE} of the base limit, "
        f"C {config.LOGISTIC_C}",
        f"walk-forward: refit every {config.REFIT_EVERY_SESSIONS} sessions, expanding window, "
        f"embargo {config.EMBARGO_SESSIONS} sessions, from {config.MIN_FIT_DESK_DAYS} desk-days and "
        f"{config.MIN_FIT_TRADER_DAYS} trader-days on",
        f"scale: shrunk by {config.SCALE_SHRINKAGE_DAYS} days; volatility half-life "
        f"{config.EWMA_HALF_LIFE_DAYS} days; features cut off at {config.FEATURE_CLIP}; "
        f"tilt over {config.TILT_WINDOW_DAYS} days from {config.TILT_MIN_TRADES} trades on; desk counted "
        f"over {config.DESK_SIZE_SESSIONS} sessions",
        f"policy: overlay on the rules, gain above {config.OVERLAY_STANDARD_ERRORS} standard errors, "
        f"at most {config.OVERLAY_SHARE_CAP} of the desk raised, above {config.IMMEDIATE_ABOVE} only "
        f"confirmed, relief {config.RELIEF_PER_SESSION} points a session",
    ]
    return "\n".join(lines)


def digest() -> str:
    """Return the SHA-256 of the specification, by which it is registered."""
    return hashlib.sha256(text().encode()).hexdigest()
