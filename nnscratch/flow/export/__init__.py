"""Records for other tools: JSON lines, TensorBoard's event files, tables of pandas and xarray."""

from nnscratch.flow.export.json_lines import to_json_lines
from nnscratch.flow.export.tables import to_frame, to_xarray
from nnscratch.flow.export.tensorboard import TensorBoardLog, to_tensorboard

__all__ = ["TensorBoardLog", "to_frame", "to_json_lines", "to_tensorboard", "to_xarray"]
