"""Records for other tools: JSON lines, and event files that TensorBoard opens."""

from nnscratch.flow.export.json_lines import to_json_lines
from nnscratch.flow.export.tensorboard import to_tensorboard

__all__ = ["to_json_lines", "to_tensorboard"]
