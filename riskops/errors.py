"""What can go wrong, in one tree.

::

    RiskOpsError
    ├── ConfigurationError      a setting is missing or refused        never retry
    ├── InputError              a file or a row cannot be accepted     never retry
    │   ├── DuplicateLoadError  the same file was loaded before        never retry
    │   └── OverrideError       an override, or its end, is refused    never retry
    ├── SessionError            a date is no session, or lies ahead    never retry
    ├── SealedError             the mail of the session is out         never retry
    ├── RevisionError           a correction cannot be made            never retry
    ├── MissingResultError      a verb needs what another has not left  never retry
    ├── SourceError             the source of transactions failed      retry
    │   └── SourceRefusedError  it refused our login                   never retry
    ├── StoreError              the risk database cannot be used       retry
    │   └── OlderRecordError    it knows less than what has left       never retry
    ├── ModelError              the challenger cannot be scored        never retry
    ├── TrialError              a part of the trial desk died          never retry
    ├── StudyError              the simulation study misses a bar      never retry
    ├── ReplayError             a session cannot be proven by replay    never retry
    ├── InjectedFaultError      a fault forced for a drill             never retry
    ├── LimitsFileError         the limits file cannot be relied on     never retry
    └── DeliveryError           the mail server did not accept         retry
        └── DeliveryRefusedError  it said no for good (5xx)            never retry

``retryable`` says whether doing the same again may help; the DAG turns ``False`` into a
failure without retries. ``exit_code`` is what the command line ends with.
"""


class RiskOpsError(Exception):
    """Base of every error RiskOps raises on purpose."""

    exit_code = 10
    retryable = False


class ConfigurationError(RiskOpsError):
    """A deployment setting is missing, malformed or refused."""

    exit_code = 11


class InputError(RiskOpsError):
    """Transactions or files that cannot be accepted; names the offender and the remedy."""

    exit_code = 12


class DuplicateLoadError(InputError):
    """The same file was loaded before; nothing was changed."""

    exit_code = 13


class OverrideError(InputError):
    """An override of a limit, or taking one back, that is refused; nothing was recorded."""

    exit_code = 29


class SessionError(RiskOpsError):
    """A date that is no session of the calendar, or one that lies ahead."""

    exit_code = 14


class SealedError(RiskOpsError):
    """The mail of the session is out: automatic change has ended."""

    exit_code = 15


class RevisionError(RiskOpsError):
    """A correction that cannot be asked for, or that would be worse than the mail it corrects."""

    exit_code = 30


class MissingResultError(RiskOpsError):
    """A verb needs a result that an earlier verb has not recorded."""

    exit_code = 16


class SourceError(RiskOpsError):
    """The source of transactions failed; the same call may succeed later."""

    exit_code = 17
    retryable = True


class SourceRefusedError(SourceError):
    """The source of transactions refused our login; asked again and again it would lock it."""

    exit_code = 27
    retryable = False


class ModelError(RiskOpsError):
    """The pooled model cannot give scores a desk may rely on."""

    exit_code = 18


class InjectedFaultError(RiskOpsError):
    """A failure forced by ``RISKOPS_FAULT`` for a drill."""

    exit_code = 19


class LimitsFileError(RiskOpsError):
    """The limits file is missing, stale, damaged or another deployment's, or no word can be kept of it."""

    exit_code = 23


class DeliveryError(RiskOpsError):
    """The mail server did not accept the mail; it may later."""

    exit_code = 20
    retryable = True


class DeliveryRefusedError(DeliveryError):
    """The mail server refused the mail for good (5xx)."""

    exit_code = 21
    retryable = False


class StoreError(RiskOpsError):
    """The risk database cannot be reached, read or written; that may pass."""

    exit_code = 22
    retryable = True


class OlderRecordError(StoreError):
    """The risk database does not know of a mail that has left: it was restored from before."""

    exit_code = 25
    retryable = False


class TrialError(RiskOpsError):
    """A part of the trial desk did not start, or died more often than it may."""

    exit_code = 24


class StudyError(RiskOpsError):
    """The simulation study misses one of its bars; says which, and by how much."""

    exit_code = 26


class ReplayError(RiskOpsError):
    """A replay found something other than what is on record, or there is nothing to replay."""

    exit_code = 28
