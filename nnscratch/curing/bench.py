"""`Bench`: where changes of a plan are tried, each once, and all on the same batches."""

from __future__ import annotations

from nnscratch.curing.changes import Change
from nnscratch.curing.conditions import Conditions, data_of
from nnscratch.curing.forecast import Forecast, forecast
from nnscratch.curing.plan import Plan
from nnscratch.curing.progress import Watch
from nnscratch.curing.trials import SEEDS, Trial, repeat_trial, run_trial


class Interrupted(Exception):
    """Ctrl-C, once something is known."""


class Bench:
    """Trials of changes of a plan.

    Attributes
    ----------
    plan : Plan
        As it is.
    conditions : Conditions
    watch : Watch
    trials : list of Trial
        Of the changes, in the order they were tried.
    """

    def __init__(self, plan: Plan, conditions: Conditions, watch: Watch) -> None:
        self.plan, self.conditions, self.watch = plan, conditions, watch
        self.trials: list[Trial] = []

    def begun(self) -> Trial:
        """Return the trial of the network as it is, with several seeds."""
        trial = self._try(None)
        trial = None if trial is None else repeat_trial(trial, self.conditions, (self.watch,))
        if trial is None:
            raise KeyboardInterrupt
        return trial

    def forecast(self, plan: Plan) -> Forecast:
        """Return what theory expects of a plan."""
        c = self.conditions
        return forecast(plan, *data_of(plan, c), c.batch_size, c.seed, c.mask)

    def changed(self, change: Change | None) -> Plan:
        """Return the plan with a change; None: as it is."""
        return self.plan if change is None else change.apply(self.plan)

    def tried(self, change: Change | None) -> Trial:
        """Return the trial of a change, noted; the one there is for a plan that was tried."""
        text = self.changed(change).statements(0)
        for trial in self.trials:
            if trial.plan.statements(0) == text:
                return trial
        trial_made = self._try(change)
        if trial_made is None:
            raise Interrupted
        self.trials.append(trial_made)
        return trial_made

    def _try(self, change: Change | None) -> Trial | None:
        """Return the trial, or None if Ctrl-C ended it after a step."""
        plan = self.changed(change)
        expected = self.forecast(plan)
        label, runs = ("as it is", SEEDS) if change is None else (str(change), 1)  # see `begun`
        self.watch.begin(label, runs)
        trial = run_trial(plan, change, expected, self.conditions, (self.watch,))
        if trial is not None:
            self.watch.end(trial)
        return trial

    def repeated(self, trial: Trial) -> Trial:
        """Return a trial with runs of all seeds."""
        self.watch.begin(f"{trial.label}, other seeds", runs=SEEDS - len(trial.runs))
        judged = repeat_trial(trial, self.conditions, (self.watch,))
        if judged is None:
            raise Interrupted
        self.watch.end(judged)
        return judged
