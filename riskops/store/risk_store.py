"""The one object through which everything reads and writes the risk database."""

from __future__ import annotations

from riskops.sessions import TradingCalendar
from riskops.store.acknowledgements import Acknowledgements
from riskops.store.database import Database
from riskops.store.evaluations import Evaluations
from riskops.store.history_reader import HistoryReader
from riskops.store.journal import Journal
from riskops.store.ledger import Ledger
from riskops.store.mornings import Mornings
from riskops.store.outcomes import Outcomes
from riskops.store.overrides import Overrides
from riskops.store.page_reader import PageReader
from riskops.store.read_backs import ReadBacks
from riskops.store.revisions import Revisions
from riskops.store.roster import Roster
from riskops.store.transactions import Transactions


class RiskStore:
    """The risk database by subject: who trades, what was traded, decided, mailed, and what came of it."""

    def __init__(self, database: Database, calendar: TradingCalendar) -> None:
        self.database = database
        self.roster = Roster(database)
        self.transactions = Transactions(database)
        self.history = HistoryReader(database, calendar)
        self.mornings = Mornings(database)
        self.outcomes = Outcomes(database)
        self.journal = Journal(database)
        self.ledger = Ledger(database)
        self.evaluations = Evaluations(database)
        self.overrides = Overrides(database)
        self.acknowledgements = Acknowledgements(database)
        self.revisions = Revisions(database)
        self.read_backs = ReadBacks(database)
        self.pages = PageReader(database)

    def close(self) -> None:
        """Give all connections back."""
        self.database.close()
