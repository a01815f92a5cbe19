"""The fields that are measured at a few steps only, and how a run is trained.

At the steps in between they are NaN; a record that lacks them is read as if all were.
"""

from __future__ import annotations

from typing import Any, Final

from nnscratch_records.field import Field
from nnscratch_records.mistakes import Mistake


def _looked(axis: str, **meanings: str) -> tuple[Field, ...]:
    axes = ("steps", axis) if axis else ("steps",)
    made = []
    for name, text in meanings.items():
        sign, meaning = text[0], text[2:]
        more: dict[str, Any] = {"signed": sign == "-", "scale": "linear", "thinned": "last"}
        unit = "fraction" if sign == "%" else ""
        made.append(Field(name=name, axes=axes, meaning=meaning, unit=unit, looked=True, **more))
    return tuple(made)


# "-": it may lie below 0; "+": it does not; "%": it lies from 0 to 1
LOOKED: Final = (
    *_looked(
        "",
        target_count="+ different examples among the first that were seen: of these",
        target_values="+ how many different answers they have",
        target_mean="- mean of the targets (of labels: one in the class's column, else 0)",
        target_std="+ root mean square of their standard deviations, column by column",
        target_min="- the least",
        target_max="- the largest",
        target_classes="+ 2: each row has a single 1 among zeros; 1: zeros and ones; 0: numbers",
        target_far="+ rows with a target ten times as far from the middle as 95 % of the others",
        target_far_share="% part of the squared distances from the middle that is theirs",
        target_between="- of classes: part of the variance that lies between batches, without bias",
        target_common="% part of the answers that is the commonest one; of several labels each",
        target_quarter="+ of answers at steps: steps until a quarter of their variance has come",
        common_weight="+ what the loss counts one of those for, over another, of zeros and ones",
        loss_constant="- loss of the best answer that is the same for all examples",
        loss_free="- loss of the best outputs of any kind",
        loss_floor="- loss of the best outputs that the last layer can give",
        loss_paired="+ how much of the loss changes where answers meet the outputs of others",
        loss_slope="- how much it falls against its gradient, over what that says",
        loss_grows="+ how much larger its gradient is where outputs are twice as far off",
        guess_linear="- fraction of the targets' variance that a linear fit to the others tells",
        guess_neighbours="- the same of the nearest of the others",
        pair_told="% fraction of the two classes hardest to tell apart that other examples tell",
        pair_rows="+ examples of these two",
        pair_one="+ number of the one class",
        pair_other="+ number of the other",
        codes_told="% part of their variance that the number of what a column numbers tells",
        codes_one="+ which column numbers things in no order",
        codes_other="+ the next such column",
        kinds_told="% of whole numbers: part whose nearest other example has the same one",
        kinds_order="- how far distances between the means of equal ones go with the numbers'",
        kinds_count="+ how many different ones there are",
        loss_naive="- loss of the input nearest to the answer, such as the last value of a series",
        naive_column="+ which input that is",
        repeated_share="% fraction of the examples whose inputs come with other answers too",
        repeated_told="- fraction of the targets' variance that inputs can tell in spite of that",
        feature_ratio="+ largest standard deviation of an input over the middle one",
        feature_offset="+ middle of |mean| / standard deviation of the inputs",
        missing_code="- what stands for missing values: what rows share, far from all others",
        missing_share="% part of the examples that have one",
        padded_steps="% part of the steps behind the last that is not 0, of sequences without mask",
        masked_steps="% part of the steps that the mask leaves out",
        cut_steps="+ steps of time after which what goes back is cut, again and again",
        validation_accuracy="% accuracy on them",
        gradient_kept="+ norm of what an earlier step left in the gradients, over theirs at last",
        gradient_lost="+ part of the norm of the gradients that came which is gone at the update",
        step_share="% part of an adaptive step that epsilon leaves, in the middle of the weights",
    ),
    Field(
        name="validation_loss",
        axes=("steps",),
        meaning="loss on held-out examples after the epoch that ended before this step",
        signed=True,
        thinned="last",
        looked=True,
        short="loss on held-out examples",
    ),
    *_looked(
        "layers",
        output_spread="+ root mean square, over units, of the deviation between examples",
        output_dead="+ fraction of units that are 0 or less for every example of the batch",
    ),
    *_looked(
        "params",
        param_copies="+ fraction of units, columns, that equal another one",
        param_rate="+ factor of the learning rate; 0: frozen",
    ),
)
NOTHING: Final = "nothing"  # was added
TRAINED: Final = tuple(
    Field(name=name, meaning=meaning, kind="text", scale="linear", optional=True)
    for name, meaning in (
        ("optimizer", "what made the updates; empty: not known"),
        (
            "penalty",
            f'what was added to the loss to keep weights small; "{NOTHING}"; empty: not known',
        ),
        ("loss_kind", "what the loss is called; empty: not known"),
        ("framework", 'what it was trained with, such as "torch"; empty: this package'),
        (
            "mistakes",
            f"what is wrong with the loop, a line each: {', '.join(Mistake._fields)}; tabs",
        ),
    )
)
