"""The scorecard: claims of the post and of the papers it rests on, each tried.

How a claim is added
--------------------
1. Write a module in this folder, one claim or a close pair, at most 200 lines. `saturation.py` is
   an example. It makes a `Claim`:

   * `name`: short, lower case with hyphens; for the command line and file names;
   * `sentence`: the claim, in one sentence that can be true or false;
   * `source`: who makes it and where ("He et al. 2015, section 2.2");
   * `configuration`: networks, data and training in words; settings are filled in by name, as in
     ``"{depth} layers x {width}"``;
   * `rule`: in words, when it holds, holds with a condition, does not hold. Write it, and
     `verdict`, before the run;
   * `full`: the settings, plain values; `quick`: those that are other with ``--quick``. Both have
     ``seeds``, how many (at least 2; they are then 1000, 1001, ...). About 30 seconds in full and
     6 quick on 2 cores;
   * `run(trial) -> Measured`: measures. ``trial["width"]`` is a setting; ``trial.data.digits()``
     and ``.mnist()`` return x_train, y_train, x_test, y_test. Go through the seeds with
     ``for seed in trial.seeds("what"):``, through other things that take time with `trial.over`.
     All randomness from the seeds. Train with `networks.train`, which lets Ctrl-C through;
   * `verdict(measured) -> Verdict`: the rule as code. Only numbers of `measured` decide. Four
     words: `Verdict.holds`, `.with_condition`, `.fails`, and `.unchecked` where the interval is too
     wide;
   * `picture(measured) -> Picture`: from ``measured.quantities`` and ``measured.curves`` alone, of
     `interval_rows` and `seed_lines` (`pictures.py`); titles say what is drawn, not what comes out;
   * `needs`: ``("mnist",)`` if it takes MNIST. Where MNIST is missing the claim is not run, and the
     page says so.

   `Measured` holds what is saved (JSON) and printed: `quantities`, each with one value per seed
   (its mean and 95 % t-interval are computed) and what was published or predicted; `curves`, nested
   dicts and lists of numbers for the picture (small: tens of points, not thousands).
2. Import the module in `registry.py` and put it where its claims belong on the page.
3. ``nnscratch reproduce NAME --quick``, and look at the picture.
4. ``nnscratch reproduce NAME --page --out docs`` runs it in full and puts it on the page, where
   the other claims stand as they are.
5. In the module's test, try the verdict on made-up numbers, both ways. The slow tests run every
   claim of the registry.
"""

from nnscratch.experiments.claims.claim import (
    Claim,
    Data,
    Measured,
    Progress,
    Quantity,
    Settings,
    Trial,
    Verdict,
)
from nnscratch.experiments.claims.intervals import Interval, interval
from nnscratch.experiments.claims.pictures import Picture

__all__ = [
    "Claim",
    "Data",
    "Interval",
    "Measured",
    "Picture",
    "Progress",
    "Quantity",
    "Settings",
    "Trial",
    "Verdict",
    "interval",
]
