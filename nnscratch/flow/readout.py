"""What a recorder says of its record: findings, attribution, prediction, pictures, a page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnscratch.errors import ConfigError, NnscratchError, require_text
from nnscratch.flow.reading import Reading, read_flow
from nnscratch.flow.records import Record, save_record
from nnscratch_records import check_record
from nnscratch_records.attribution import Attribution, attribute

if TYPE_CHECKING:
    import pandas
    import xarray
    from matplotlib.figure import Figure

    from nnscratch.files import PathLike
    from nnscratch.flow.findings import Findings
    from nnscratch.theory import Prediction


class Readout:
    """Reads the record that a subclass returns from `to_dict`."""

    def to_dict(self) -> Record:
        """Return the record."""
        raise ConfigError(
            f"{type(self).__name__} has no record: a subclass of Readout defines to_dict"
        )

    def _predict(self, record: Record) -> Prediction:
        raise ConfigError(
            "no model of this package stands behind this record; nn.predict(model) says of one, "
            "and of from_torch(module), what to expect of its first step"
        )

    def __len__(self) -> int:
        return 0

    def __bool__(self) -> bool:
        """True: a recorder that has no steps yet is one all the same, for ``if flow:``."""
        return True

    def reading(self) -> Reading:
        """Return what the record says in a word: healthy, vanishing, exploding or diverged."""
        return read_flow(self.to_dict())

    def findings(self) -> Findings:
        """Return what is wrong: where, since when, why, and what cures it; most serious first."""
        return self._find(self.to_dict())

    def attribution(self) -> Attribution:
        """Return which layer changed the gradient and the signal by what factor, and by what."""
        return attribute(self.to_dict())

    def prediction(self) -> Prediction:
        """Return what theory expected of the first step, of weights as initializers draw them.

        It is computed now, from the layers and the first batch. Raises `ConfigError` saying why
        where theory cannot: a layer that it does not know, a record that begins later, weights that
        began as something else.
        """
        return self._predict(self.to_dict())

    def _find(self, record: Record) -> Findings:
        from nnscratch.flow.findings import find

        return find(record)

    def _predicted(self, record: Record) -> dict[str, Any] | str:
        """Return the prediction as pictures take it, or the reason why there is none."""
        try:
            return self._predict(record).to_dict()
        except NnscratchError as error:
            return str(error)

    def save(self, path: PathLike) -> None:
        """Save the record to `path` (`.npz`)."""
        save_record(path, self.to_dict())

    def to_frame(self) -> pandas.DataFrame:
        """Return what is measured at every step as a table of pandas, see `export.to_frame`."""
        from nnscratch.flow.export import to_frame

        return to_frame(self.to_dict())

    def to_xarray(self) -> xarray.Dataset:
        """Return the record as a data set of xarray, see `export.to_xarray`."""
        from nnscratch.flow.export import to_xarray

        return to_xarray(self.to_dict())

    def plot(self, quantity: str = "gradient_norm") -> Figure:
        """Return a figure of the norm of the gradient by layer, at the first step and at the end.

        quantity : ``"gradient_norm"``, with what theory expected of the first step, or
            ``"param_gradient_norm"``.
        """
        from nnscratch_plots import gradient_norm_figure

        require_text("quantity", quantity)
        record = self.to_dict()
        predicted = self._predicted(record) if quantity == "gradient_norm" else None
        return gradient_norm_figure([record], quantity=quantity, predictions=[predicted])

    def plot_through_time(self, layer: str | None = None) -> Figure:
        """Return a figure of the gradient at every step of time over the training steps, its factor
        per step back, the recurrent weights and the gates.

        layer : a recurrent layer; None: the first
        """
        from nnscratch_plots import through_time_figure

        return through_time_figure(self.to_dict(), layer=layer)

    def overview(self) -> Figure:
        """Return one page: the run in eight panels, its findings on top, a sentence under each."""
        from nnscratch_plots import overview_figure

        record = self.to_dict()
        return overview_figure(
            record, findings=self._find(record), prediction=self._predicted(record)
        )

    def report(self, path: PathLike) -> Path:
        """Write the run as one HTML page that opens in any browser, and return its path."""
        from nnscratch_plots.report import write_report

        record = self.to_dict()
        return write_report(
            record, path, findings=self._find(record), predictions=self._predicted(record)
        )

    def _repr_html_(self) -> str:
        from nnscratch_plots.report import record_html

        return record_html(self.to_dict()) if len(self) else repr(self)


class Recorded(Readout):
    """Reads a record that was made: what a copied or pickled recorder becomes."""

    def __init__(self, record: Record) -> None:
        self._record = check_record(record)

    def to_dict(self) -> Record:
        """Return the record."""
        return dict(self._record)

    def __len__(self) -> int:
        return len(self._record["steps"])
