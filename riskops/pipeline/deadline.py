"""The deadline of the mail: on-call hears of a mail that is not out when it is due."""

from __future__ import annotations

import logging

from riskops import second_channel
from riskops.desk import Desk
from riskops.pipeline.stage import Receipt, is_today
from riskops.records import Run, RunType
from riskops.second_channel import Entry
from riskops.sessions import DESK_ZONE

log = logging.getLogger(__name__)


def tell_if_late(desk: Desk, run: Run) -> Receipt:
    """Tell on-call that today's mail is not out; a backfill and another day have none to wait for.

    Whether it is out counts, not who was to send it. A message that could not be handed over is in
    the log.
    """
    if run.run_type is RunType.BACKFILL or not is_today(desk, run) or desk.store.mornings.is_out(run.session):
        return {"late": False}
    moment = desk.clock().astimezone(DESK_ZONE)
    told = f"the mail for {run.session} is not out at {moment:%H:%M}."
    log.error(told)
    return {"late": True, "told": second_channel.tell(desk.settings, told, Entry.MAIL_IS_LATE)}
