"""``python docs/records.py > docs/records.md``: the table of fields as a page to read."""

from __future__ import annotations

from collections.abc import Iterable

from nnscratch.flow.layout import (
    BATCHNORM_FIELDS,
    GATE_FIELDS,
    LAG_FIELDS,
    STEP_FIELDS,
    TIME_FIELDS,
)
from nnscratch.flow.stream.format import VERSION
from nnscratch.optimizers.measures import PARAM_MEASURES
from nnscratch_kernels.reference.measures import MEASURES
from nnscratch_records import DERIVED, FIELDS, FORMAT, PARAM_ROLES, ROLES, Field

_HEAD = f"""# What a record holds

A record is a dict of NumPy arrays, format {FORMAT}: `flow.to_dict()`, `nn.Recorder` and
`nnscratch.flow.load_record` return one, and `nn.check_record` says which field of one does not fit.
S steps were recorded of L layers with P parameters and E edges between the layers; N of the layers
normalise by the batch, R go through time and have G gates; the units of A layers were counted C
times. It is saved as an ordinary `.npz`, or grows in a [`.flow` file](#flow-files) as the training
goes on. Any tool may read or write both: within a format fields are added, and those that are here
keep name, shape and meaning; what changes one is a new format, and older ones (2 and up) are still
read. So take the fields that you know, and leave the others. This page is made by
`python docs/records.py > docs/records.md`.
"""


def _names(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


_STEP, _TENSOR, _PARAM = len(STEP_FIELDS), len(MEASURES), len(PARAM_MEASURES)
_FLOW = f"""## `.flow` files

Version {VERSION}, little-endian: a header, then frames until the end of the file. A frame that is
cut off or damaged ends what can be read; what comes before it is whole.

| part | what it is |
|---|---|
| header | bytes 93 4E 4E 53 46 4C 4F 57, version (u32), length (u32), JSON of that length, \
CRC-32 of all this (u32) |
| frame | kind (4 bytes), length (u32), that many bytes, CRC-32 of all this (u32) |
| `ROW ` | step (i64), `scalars` numbers (f64), `samples` bins (u8) |
| `CENS` | step (i64), `codes` states of units (u8): a row of `census` |
| `NOTE` | text |
| `END ` | nothing: the file was closed |

`scalars`, `samples` and `codes` stand in the JSON, and `description`, which holds the fields of a
record that do not change from step to step, numbers that are not finite as text. The numbers of a
row are, one block behind the other:

| block | shape | what it holds |
|---|---|---|
| step | ({_STEP},) | {_names(STEP_FIELDS)} |
| tensors | ({_TENSOR}, 1 + 2 L) | {_names(MEASURES)}, each of the input, the \
L outputs and the L gradients (of outputs `low` and `high` are `saturated_low` and `_high`) |
| parameters | ({_PARAM}, P) | {_names(PARAM_MEASURES)}; \
`update_ratio` is `param_update_norm` over `param_norm_before` |
| batch norm | (N, {len(BATCHNORM_FIELDS)}) | {_names(BATCHNORM_FIELDS)} |
| time | (R, {len(TIME_FIELDS)} + {len(LAG_FIELDS)} * 64) | {_names(TIME_FIELDS)}; \
{_names(LAG_FIELDS)} at the 64 lags |
| gates | (G, {len(GATE_FIELDS)}) | {_names(GATE_FIELDS)} |
| looks | 1, L, P or G each | what `looks` in the description names, in that order |

The samples are the bins of some elements of each output, each gradient and each parameter, from
which the histograms are counted: as many as the least power of two that is no less than the width
(of a parameter, its size over 64), 64 to 512; none where `histograms` is false.

A reader that needs nothing of this package:

```python
import json, struct, zlib
import numpy as np

def read_flow(path):
    with open(path, "rb") as file:
        data = file.read()
    magic, version, length = struct.unpack_from("<8sII", data)
    assert (magic, version) == (b"\\x93NNSFLOW", {VERSION})
    header = json.loads(data[16 : 16 + length])
    said, at, steps, rows = header["description"], 16 + length + 4, [], []
    while at + 8 <= len(data):
        kind, size = struct.unpack_from("<4sI", data, at)
        end = at + 8 + size
        if data[end : end + 4] != struct.pack("<I", zlib.crc32(data[at:end])):
            break                       # cut off or damaged
        if kind == b"ROW ":
            steps += struct.unpack_from("<q", data, at + 8)
            rows.append(np.frombuffer(data, "<f8", header["scalars"], at + 16))
        at = end + 4
    layers, params = said["layers"], said["params"]
    ends = np.cumsum([{_STEP}, {_TENSOR} * (1 + 2 * len(layers)), {_PARAM} * len(params)])
    step, tensors, of_params, _ = np.split(np.array(rows), ends, axis=1)
    norms = tensors.reshape(len(rows), {_TENSOR}, -1)[:, 0]
    return {{
        "steps": steps, "layers": layers, "params": params, "loss": step[:, 0],
        "output_norm": norms[:, 1 : 1 + len(layers)], "gradient_norm": norms[:, 1 + len(layers) :],
        "param_norm": of_params.reshape(len(rows), {_PARAM}, -1)[:, 0],
    }}

record = read_flow("run.flow")          # of nn.GradientFlow(model, file="run.flow")
print(record["gradient_norm"][-1])
```
"""
_GROUPS = {
    "The run": (),
    "The layers, and who reads whose output": ("layers", "edges", "batchnorm_layers"),
    "The parameters": ("params",),
    "Every step": ("steps",),
    "Every step, by layer": ("steps", "layers"),
    "Every step, by parameter": ("steps", "params"),
    "Every step, by layer that normalises by the batch": ("steps", "batchnorm_layers"),
    "Through time: every lag up to 32, then four in an octave": ("recurrent_layers", "lags"),
    "Every step, by recurrent layer": ("steps", "recurrent_layers"),
    "Gates": ("gates",),
    "Every step, by gate": ("steps", "gates"),
    "Histograms": ("bins", "bin_edges"),
    "The census of units": ("census_steps", "census_layers", "unit_bounds"),
}
_LETTERS = {
    "steps": "S",
    "layers": "L",
    "params": "P",
    "edges": "E",
    "batchnorm_layers": "N",
    "recurrent_layers": "R",
    "gates": "G",
    "lags": "64",
    "census_steps": "C",
    "census_layers": "A",
    "unit_bounds": "A + 1",
    "two": "2",
    "bins": "64",
    "bin_edges": "65",
}


def page() -> str:
    """Return the page, in Markdown."""
    parts = [_HEAD]
    left = list(FIELDS.values())
    for title in reversed(_GROUPS):  # the narrower groups come last
        chosen = [field for field in left if _belongs(field, _GROUPS[title])]
        left = [field for field in left if field not in chosen]
        parts.insert(1, f"## {title}\n\n{_table(chosen)}")
    parts.append(f"## Made of others\n\n{_table(DERIVED.values())}")
    for title, roles in (("Roles of layers", ROLES), ("Roles of parameters", PARAM_ROLES)):
        rows = "".join(f"| `{name}` | {meaning} |\n" for name, meaning in roles.items())
        parts.append(f"## {title}\n\n| role | what it means |\n|---|---|\n{rows}")
    assert not left
    parts.append(_FLOW)
    return "\n".join(parts)


def _belongs(field: Field, axes: tuple[str, ...]) -> bool:
    if axes[:1] == ("steps",):
        return field.axes == axes
    return bool(set(axes) & set(field.axes)) if axes else not field.axes


def _table(fields: Iterable[Field]) -> str:
    rows = ["| field | shape | what it is | unit |", "|---|---|---|---|"]
    for field in fields:
        shape = ", ".join(_LETTERS.get(axis, axis) for axis in field.axes)
        comma = "," * (len(field.axes) == 1)
        size = f"({shape}{comma})" if field.axes else field.kind
        meaning = field.meaning.replace("|", "\\|")
        meaning += f". {field.sentence[:1].upper()}{field.sentence[1:]}" if field.sentence else ""
        rows.append(f"| `{field.name}` | {size} | {meaning} | {field.unit} |")
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    print(page(), end="")
