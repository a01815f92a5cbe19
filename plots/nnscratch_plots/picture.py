"""Figures and axes that a notebook shows by themselves, without pyplot or a magic command."""

from __future__ import annotations

import io

from matplotlib.axes import Axes
from matplotlib.figure import Figure


class Picture(Figure):
    """A figure."""

    def _repr_png_(self) -> bytes:
        content = io.BytesIO()
        self.savefig(content, format="png", dpi=100)
        return content.getvalue()

    def only_axes(self) -> Axes:
        """Return new axes that fill the figure."""
        axes = self.add_subplot(axes_class=_Whole)
        assert isinstance(axes, Axes)
        return axes


class _Whole(Axes):
    """Axes that are all there is in a picture, and are shown as it is."""

    def _repr_png_(self) -> bytes:
        assert isinstance(self.figure, Picture)
        return self.figure._repr_png_()
