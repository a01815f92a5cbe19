"""Networks for digits, their cure in few steps, and what its printed lines make."""

import nnscratch as nn
from nnscratch.curing import cure

LOSS = nn.SoftmaxCrossEntropy()


def network(activation, init, depth, width=32):
    parts, n_in = [], 64
    for _ in range(depth):
        parts += [nn.Dense(n_in, width, init=init), activation()]
        n_in = width
    return nn.Sequential(*parts, nn.Dense(n_in, 10, init=init), seed=7)


def cured(model, optimizer, digits, **options):
    x, y, validation = digits
    options = {"batch_size": 20, "steps": 100, "progress": False, "tries": 3, **options}
    return cure(model, LOSS, optimizer, x, y, **{"validation": validation, **options})


def pasted(found, x, y, **names):
    """Run the lines that were printed, to the letter, and train by them."""
    printed = repr(found)
    names |= {"nn": nn, "x": x, "y": y}
    start = printed.index(found.lines[0].splitlines()[0])
    exec(printed[start:], names)
    c = found.conditions
    trainer = nn.Trainer(names["model"], names["loss"], names["optimizer"])
    per_epoch = -(-len(x) // c.batch_size)
    history = trainer.fit(
        names["x"], names["y"], epochs=-(-c.steps // per_epoch), batch_size=c.batch_size,
        seed=c.seed, max_steps=c.steps, progress=False,
    )  # fmt: skip
    return names, history
