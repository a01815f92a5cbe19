"""``python docs/records.py > docs/records.md``: the table of fields as a page to read."""

from __future__ import annotations

from collections.abc import Iterable

from nnscratch_records import DERIVED, FIELDS, FORMAT, PARAM_ROLES, ROLES, Field

_HEAD = f"""# What a record holds

A record is a dict of NumPy arrays, format {FORMAT}: `flow.to_dict()`, `nn.Recorder` and
`nnscratch.flow.load_record` return one, and `nn.check_record` says which field of one does not fit.
S steps were recorded of L layers with P parameters and E edges between the layers; N of the layers
normalise by the batch, R go through time and have G gates; the units of A layers were counted C
times. It is saved as an ordinary
`.npz` that any NumPy can read. This page is made by `python docs/records.py > docs/records.md`.
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
