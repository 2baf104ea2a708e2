"""Every business number of RiskOps, in one place.

Percentages are percent of the base limit unless the name says otherwise; money is in integer
cents where the name ends in ``_CENTS``. Deployment values (addresses, databases, modes) come
from the environment: see ``riskops.settings``.
"""

from datetime import time
from decimal import Decimal

# --- the desk -----------------------------------------------------------------------------
DEFAULT_BASE_LIMIT_CENTS = 500_000
DESK_TIME_ZONE = "America/New_York"
MORNING_AT = time(6, 0)
HISTORY_KNOWN_AT = time(5, 0)  # bulk history counts as known at this time on the next session
UNLIVED_CUT_OFF = time(6, 30)
LATEST_CUT_OFF = time(7, 20)
BEGUN_BY = time(6, 30)  # a morning that has not begun by now is told to on-call
RULES_UNTIL = time(7, 28)  # from here on limits are held where the rules have left none
MAIL_DUE_AT = time(7, 30)
REVIEW_AT = time(18, 0)  # on the first session of a month
ACKNOWLEDGED_BY = time(7, 50)  # a mail with cuts above 40 that nobody has acknowledged is escalated again
READ_BACK_DUE_AT = time(8, 0)  # from here on-call hears of limits that the trading platform does not have
WATCHDOG_AT = (
    *(BEGUN_BY, LATEST_CUT_OFF, time(7, 24), RULES_UNTIL, MAIL_DUE_AT, time(7, 35), time(7, 40)),
    *(ACKNOWLEDGED_BY, READ_BACK_DUE_AT),
)
READ_BACK_USUAL_SESSIONS = 5  # who read back within so many sessions is expected to do so again
REVISIONS_LOOSEN_UNTIL = time(8, 0)
CALENDAR_ENDS_SOON_DAYS = 60  # `riskops status` warns where the known sessions end within so many days

# --- limits -------------------------------------------------------------------------------
MAX_REDUCTION = 80
LIMIT_STEP_CENTS = 5_000
REDUCTION_STEP = 5  # every reduction is a multiple of this
RELIEF_PER_SESSION = 20
RELAXATION_SESSIONS = 4  # how many sessions back relief is spread
MODERATE_FROM = 20  # a cut of 20 to 40 is moderate ...
IMMEDIATE_ABOVE = 40  # ... and only above 40 it is immediate action
FLOOR_REDUCTION = 50  # rung 4
HOLD_STEP = 10  # rung 3 tightens by this much a held session ...
HOLD_MAX_STEP = 20  # ... and by this much at the most
LIMITS_FILE_FRESH_SESSIONS = 3  # an emergency mail warns of a limits file that is older ...
LIMITS_FILE_MAX_SESSIONS = 10  # ... and from one that is older than this no limit is held
OVERRIDE_MAX_SESSIONS = 20  # an override is no new base limit

# --- the rules ----------------------------------------------------------------------------
RECENT_SESSIONS = 5
BREACH_OF_BASE = Decimal("1.00")
BREACH_OF_APPLIED = Decimal("1.10")
BREACH_LEVEL = 40

NOISE_SHARE_OF_BASE = Decimal("0.01")  # results within +-1 % neither count nor break a streak
STREAK_DAYS = 3
STREAK_LEVEL = 30
LONG_STREAK_DAYS = 5
LONG_STREAK_LEVEL = 50

DRAWDOWN_WINDOW_DAYS = 20
DRAWDOWN_CAPITAL_MULTIPLE = 20
DRAWDOWN_PERCENT = Decimal("15")
DRAWDOWN_LEVEL = 40
DEEP_DRAWDOWN_PERCENT = Decimal("25")
DEEP_DRAWDOWN_LEVEL = 60

BASELINE_DAYS = 60
VOLATILITY_RECENT_DAYS = 5
VOLATILITY_RATIO = Decimal("2")
VOLATILITY_MIN_BASELINE_DAYS = 20
VOLATILITY_LEVEL = 25

LARGE_LOSS_OF_BASE = Decimal("0.40")
LARGE_LOSS_MADS = 3
LARGE_LOSS_MIN_BASELINE_DAYS = 15
LARGE_LOSS_LEVEL = 20

SINGLE_SIGNAL_CAP = 40  # except a deep drawdown
EXTRA_SIGNALS_FROM = 3  # from the third signal on ...
EXTRA_SIGNAL_STEP = 10  # ... each adds this much

PROBATION_DAYS = 10
PROBATION_REDUCTION = 20
RULES_ONLY_DAYS = 20
GAP_SESSIONS = 10
GAP_RECOVERY_DAYS = 5

RESTRICTED_SHARE_WINDOW = 60
RESTRICTED_SHARE_WARNING = Decimal("0.45")
RESTRICTED_SHARE_BAND = (Decimal("0.26"), Decimal("0.35"))  # of trader-days cut by 20 or more: intended ...
IMMEDIATE_SHARE_BAND = (Decimal("0.03"), Decimal("0.07"))  # ... and of those cut by more than 40
CALIBRATION_SESSIONS = 250  # `riskops calibrate` goes by so many sessions
CALIBRATION_MOST_CHANGES = 3  # it proposes at most so many changes together
BASE_LIMIT_ROBUST_SDS = Decimal("2.5")  # of a trader's daily results: a base limit that fits him ...
BASE_LIMIT_STEP_CENTS = 50_000  # ... in steps of $500, and at least one of them ...
BASE_LIMIT_MIN_DAYS = 20  # ... from so many active days on

# --- the pooled model ---------------------------------------------------------------------
MIN_SAMPLES_FOR_ML = 5_000
REFIT_EVERY_SESSIONS = 5
EMBARGO_SESSIONS = 5
SCALE_SHRINKAGE_DAYS = 20
EWMA_HALF_LIFE_DAYS = 10
LOGISTIC_C = 0.02
RIDGE_PENALTY_PER_ROW = 0.1
TARGET_CLIP = 4.0
POLICY_LEVELS = (10, 20, 30, 40, 50, 60, 70, 80)
OVERLAY_SHARE_CAP = 0.30
OVERLAY_STANDARD_ERRORS = 1.0
TILT_WINDOW_DAYS = 20
TILT_MIN_TRADES = 10  # after losses and after gains each, else no tilt is claimed
FEATURE_CLIP = 8.0  # features are cut off here, in units of their own
DESK_SIZE_SESSIONS = 20  # who was active this recently counts as on the desk
MIN_FIT_DESK_DAYS = 60  # below these there is nothing to fit ...
MIN_FIT_TRADER_DAYS = 250
MIN_FIT_LARGE_LOSSES = 10  # ... and no displayed risk
OWN_MODEL_ACTIVE_DAYS = 250  # a trader's own model, the fall-back, needs so much of his own history
REASONS_SHOWN = 3
SHADOW_DIFFERENCES_SHOWN = 3  # where the model in shadow would cut further

# --- the evidence -------------------------------------------------------------------------
BEAT_RULES_BY = 0.10
E_VALUE_BAR = 20.0
MATERIAL_CENTS_PER_ACTIVE_TRADER = 50
CLIP_BASE_LIMITS = 3.0  # c = 3 x 5000 x sqrt(N / 15), in cents
CLIP_REFERENCE_TRADERS = 15
PRIOR_DAYS = 20
PRIOR_SD_SHARE = 0.28  # of one default base limit
MAX_BET = 0.9
VETO_SESSIONS = 250
DEMOTION_E_VALUE = 3.0
DEMOTION_WINDOW_DAYS = 60  # desk-days whose sum must not fall below ...
DEMOTION_SDS = 2.0  # ... minus so many standard deviations of such a sum
COOL_OFF_SESSIONS = 60  # after a demotion; then the evidence starts again from 1
MIN_DESK_DAYS = 250
MIN_LARGE_LOSS_DAYS = 30
DETECTABLE_SDS = 0.11  # smallest detectable advantage a day, in standard deviations of the difference
SESSIONS_WORTH_COUNTING = 2_520  # ten years: a longer wait is said so, not counted
BOOTSTRAP_BLOCK_DAYS = 10
BOOTSTRAP_REPLICATES = 2_000
BOOTSTRAP_COVERAGE = 0.95  # of the intervals that are shown
LEVELS_SESSIONS = 250  # a year: the days of a trader that every level of a cut is played on
RELIABILITY_BINS = 10  # of the displayed risk, with about equally many days each
CALIBRATED_SLOPE = (0.85, 1.20)  # within this the displayed risk is taken for calibrated

# --- days that our own limit cut short ----------------------------------------------------
RECOVERY_QUANTILE = 0.90  # the upper bound of what a stopped day might have become ...
RECOVERY_MIN_DAYS = 20  # ... from at least so many uncensored days that went as deep

# --- days of which only the result is known: the volatility of the day is a guess -----------
BRIDGE_FREEDOM = 4.0  # degrees of freedom of the result, given the volatility known before ...
BRIDGE_SCALE_SHARE = 0.6  # ... and its squared scale as a share of that volatility squared

# --- what became of the days that were lived ----------------------------------------------
NUMBERS_COUNT_UNTIL = time(9, 30)  # the open: what an engine stores later is no forecast
BREACH_TOLD_SESSIONS = 5  # a breach that becomes known later than this is recorded and not told
CALIBRATION_SESSIONS = 250
CALIBRATION_BAND = (Decimal("0.7"), Decimal("1.4"))  # large losses seen, as a multiple of those promised
CALIBRATION_MIN_EXPECTED = 30  # large losses promised: below, the multiple says nothing
PERSISTS_SESSIONS = 5  # so many sessions in a row, or it is not told ...
TOLD_AGAIN_SESSIONS = 20  # ... and then not again for so long

# --- what comes in -------------------------------------------------------------------------
SESSIONS_AT_ONCE = 60  # fetched together, then written together
ASKED_AGAIN_SESSIONS = 5  # so many recent sessions are asked for again: they may have been corrected

# --- data quality ---------------------------------------------------------------------------
SUPPORTED_CURRENCIES = ("USD",)
ROW_COUNT_SESSIONS = 60  # the band of the night's trade count comes from so many sessions ...
ROW_COUNT_MIN_SESSIONS = 20  # ... and there is none below so many
ROW_COUNT_BAND_SDS = 5.0  # half width, in robust standard deviations of log(1 + trades) ...
ROW_COUNT_MIN_SD = 0.10  # ... which are taken to be at least this
ROW_COUNT_MIN_WIDTH = 20  # trades: so far from the median a night is usual also on a tiny desk
RECONCILIATION_TOLERANCE_CENTS = 1  # an account-day's net, ours against the broker's own
SPLIT_RATIOS = range(2, 51)  # of n:1 and 1:n, beside 3:2 and 2:3: an overnight change of price by ...
SPLIT_TOLERANCE = Decimal("0.03")  # ... such a ratio, within so much of it, looks like a split
RECONCILED_SESSIONS = 5  # daily results are checked against their trades this far back
DUPLICATE_CRITICAL_ROWS = 4  # a trader's twin rows are critical from so many on ...
DUPLICATE_CRITICAL_SHARE = 0.80  # ... above this share of the night; split fills reach 0.70
UNKNOWN_ACCOUNT_CRITICAL_ROWS = 5  # trades nobody owns are critical from so many on ...
UNKNOWN_ACCOUNT_CRITICAL_SHARE = 0.10  # ... above this share of the night
REJECTED_CRITICAL_SHARE = 0.05  # of the rows of one file
NORMALLY_ACTIVE_SESSIONS = 20  # who was active on this share of so many covered sessions ...
NORMALLY_ACTIVE_SHARE = 0.95  # ... is normally active
OUTLIER_MIN_DAYS = 20  # active days within the row-count sessions
OUTLIER_ROBUST_SDS = 10.0
QUALITY_EXAMPLES = 3  # offending rows named in a detail
