"""Keeping SES's own list of a region and ours in step: take what we lack, remove what is over, put what SES lacks.

A round may be cut short at any point and goes on where it was. Whatever is done twice changes nothing.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Final

from ses_feedback.domain.errors import PermanentError
from ses_feedback.domain.history import History, join
from ses_feedback.usecases.lists import ses_list as rules
from ses_feedback.usecases.lists.comparing import Compare, Outcome, Outside, Preview
from ses_feedback.usecases.lists.ses_list import Entry, Judged, Terms
from ses_feedback.usecases.lists.sync_ports import (
    DELETING,
    PUTTING,
    Job,
    Refused,
    Round,
    Row,
    SesListGateway,
    TooManyJobs,
)
from ses_feedback.usecases.merging import merge_into
from ses_feedback.usecases.ports import Stored
from ses_feedback.usecases.questions import AT_ONCE

# One call a second: a hundred take less than two minutes, more are handed over as a list.
SINGLY: Final = 100
# SES developer guide, "Using the Amazon SES account-level suppression list".
MOST_PUT: Final = 100_000
MOST_REMOVED: Final = 10_000
# Kept in memory until SES's list is read to its end.
_MOST_AT_ONCE: Final = 10 * MOST_REMOVED
# So many addresses refused in a row, and none taken: it is not the addresses.
_ALL_REFUSED: Final = 5
REFUSED: Final = "refused"
BULK: Final = "bulk"  # handed over as a list
FAILED: Final = "failed"  # handed over, and not taken
LEFT: Final = "left"  # to be removed by the next round
NOT_TAKEN: Final = "SES did not take it from a bulk list"


def sync_regions(
    lists: Sequence[SesListGateway], terms: Terms, outside: Outside, *, dry_run: bool = False
) -> Iterator[Outcome]:
    """Yield what became of each region in turn: what goes wrong in one leaves the others as they are."""
    for ses in lists:
        if not outside.going():
            return
        yield (Preview if dry_run else Sync)(ses, terms, outside).run()


def due(found: Round, every: int, now: int) -> bool:
    """Return whether a region has work: a round that is not done, lists that SES works on, or a new round by now."""
    return bool(found.began or found.jobs) or found.ended + every <= now


class Sync(Compare):
    """Makes the lists alike, as far as they can be."""

    _loaded = False

    def _go(self) -> bool:
        self._round = found = self._outside.rounds.load(self._ses.region)
        self._loaded = True
        if not self._jobs_done():
            return False
        if not found.began:
            fresh = Round(began=self._outside.now(), ended=found.ended, singly=found.singly)
            fresh.counts, fresh.passed = found.counts, found.passed
            self._round = found = fresh
        if not (self._theirs() and self._removed() and self._put_ours()):
            return False
        found.ended, found.began = self._outside.now(), 0
        found.seen, found.token, found.listed = array("Q"), None, False
        return True

    def _leave(self) -> None:
        if not self._loaded:
            return
        self._settle_marks()
        kept = self._round
        done = not kept.began
        if done:
            kept = Round(ended=kept.ended, jobs=kept.jobs, singly=kept.singly)
        self._outside.rounds.save(self._ses.region, kept)

    def _jobs_done(self) -> bool:
        """Look after the lists handed over before; return whether SES is through with all of them."""
        found, open_ = self._round, []
        if not found.jobs:
            return True
        if not found.began:
            found.counts.clear()
            found.passed.clear()
        for job in found.jobs:
            state = self._paced("asking for a bulk job of", partial(self._ses.job, job.id))
            if not state.done:
                open_.append(job)
                continue
            self._outside.rounds.drop(job.key)
            if state.failed:
                found.counts[FAILED] += state.failed
                found.passed[NOT_TAKEN] += state.failed
            if state.error:
                found.singly = True
                found.passed[f"bulk list of {job.rows} not read: {state.error}"] += 1
        found.jobs = open_
        return not open_

    # --- what was judged ----------------------------------------------------------------------------------------------

    def _act(self, judged: Sequence[tuple[Entry, str, Judged]], known: Mapping[str, Stored]) -> None:
        environment, policy = self._terms.environment, self._terms.policy
        news: dict[str, History] = {}
        for entry, address, verdict in judged:
            if verdict.what == rules.REMOVE:
                self._to_remove(entry.address)
            if verdict.news is not None:
                news[address] = join(news.get(address, History()), verdict.news, policy)
        store = self._outside.store
        fresh = [address for address in news if address not in known]
        answers = store.put_new_many([(environment, address, news[address]) for address in fresh])
        there = {address: known[address] for address in news if address in known}
        there |= {address: other for address, other in zip(fresh, answers, strict=True) if other is not None}
        for address, stored in there.items():
            merge_into(store, stored, news[address], policy)

    def _to_remove(self, address: str) -> None:
        if len(self._round.removals) < _MOST_AT_ONCE:
            self._round.removals.append(address)
        else:
            self._round.counts[rules.REMOVE] -= 1
            self._round.counts[LEFT] += 1

    # --- removing -----------------------------------------------------------------------------------------------------

    def _removed(self) -> bool:
        """Take off SES's list what does not belong there: only now, as a listing may skip what moves up."""
        found = self._round
        while len(found.removals) > SINGLY and not found.singly:
            # They stay noted as ours: should SES not take the list, they must not come back as evidence.
            if self._handed_over(DELETING, [Row(address) for address in found.removals[-MOST_REMOVED:]]):
                del found.removals[-MOST_REMOVED:]
                self._leave()
            elif not found.singly:
                return False
        while found.removals:
            if not self._outside.going():
                return False
            address = found.removals[-1]
            self._paced("clearing", partial(self._ses.remove, address))
            self._outside.notes.forget(self._ses.region, [address])
            found.removals.pop()
        return True

    # --- putting ------------------------------------------------------------------------------------------------------

    def _put_ours(self) -> bool:
        waiting: list[Row] = []
        for rows in self._missing():
            waiting += rows
            if not self._outside.going():
                return False
            if self._round.singly:
                if not self._put_singly(waiting):
                    return False
                waiting = []
            elif len(waiting) > MOST_PUT - AT_ONCE:
                if not self._put_together(waiting):
                    return False
                waiting = []
        return self._put_together(waiting) if len(waiting) > SINGLY else self._put_singly(waiting)

    def _put_together(self, rows: Sequence[Row]) -> bool:
        addresses = [row.address for row in rows]
        self._outside.notes.note(self._ses.region, addresses, self._outside.now())
        if not self._handed_over(PUTTING, rows):
            return self._round.singly and self._put_singly(rows)
        self._fresh += [self._mark(address) for address in addresses]
        self._settle_marks()
        self._round.counts[rules.PUT] += len(rows)
        self._leave()
        return True

    def _put_singly(self, rows: Sequence[Row]) -> bool:
        refused = 0
        for row in rows:
            if not self._outside.going():
                return False
            self._outside.notes.note(self._ses.region, [row.address], self._outside.now())
            try:
                self._paced("adding to", partial(self._ses.put, row))
            except Refused as error:
                refused += 1
                self._round.counts[REFUSED] += 1
                self._round.passed[str(error)] += 1
                if refused >= _ALL_REFUSED and not self._round.counts[rules.PUT]:
                    raise PermanentError(str(error)) from error
            else:
                self._round.counts[rules.PUT] += 1
            self._fresh.append(self._mark(row.address))
        return True

    def _handed_over(self, action: str, rows: Sequence[Row]) -> bool:
        """Give SES a list to work through; return whether it took it. Where it cannot, addresses go one by one."""
        rounds, region = self._outside.rounds, self._ses.region
        key, url = rounds.upload(region, action, rows, self._outside.now())
        try:
            id_ = self._paced("handing a list to", partial(self._ses.start, action, url))
        except TooManyJobs:
            rounds.drop(key)
            return False
        except Refused as error:
            rounds.drop(key)
            self._round.singly = True
            self._round.passed[str(error)] += 1
            return False
        self._round.jobs.append(Job(id_, action, len(rows), key))
        self._round.counts[BULK] += len(rows)
        return True
