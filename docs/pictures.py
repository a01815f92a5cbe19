"""``python docs/pictures.py``: draw the pictures of the README that no command leaves behind.

`overview.png` is `flow.overview()` of a sigmoid network, `cure.png` what ``nnscratch cure --only
sigmoid-glorot`` draws, `predicted-gradient-norms.png` what ``nnscratch predict --measure`` does;
name some to draw these alone. `gradient-norms.png` is ``nnscratch compare``'s, `memory.png`
``nnscratch compare --family recurrent``'s, `mnist-bn-elu.png` ``nnscratch reproduce
mnist-bn-elu``'s.
"""

import shutil
import sys
import tempfile
from pathlib import Path

import nnscratch as nn
from nnscratch.cli import main

HERE = Path(__file__).parent


def overview(path):
    x, y, x_test, y_test = nn.datasets.digits()
    hidden = (part for _ in range(9) for part in (nn.Dense(100, 100), nn.Sigmoid()))
    model = nn.Sequential(nn.Dense(64, 100), nn.Sigmoid(), *hidden, nn.Dense(100, 10))
    flow = nn.GradientFlow(model, probe=x[:200], label="sigmoid, Glorot's weights")
    trainer = nn.Trainer(model, nn.SoftmaxCrossEntropy(), nn.SGD(lr=0.1))
    trainer.fit(
        x,
        y,
        epochs=20,
        batch_size=50,
        validation=(x_test, y_test),
        callbacks=[flow],
        progress=False,
    )
    flow.overview().savefig(path, dpi=130)


def command(arguments, picture):
    def draw(path):
        with tempfile.TemporaryDirectory() as folder:
            main([*arguments, "--out", folder])
            shutil.copy(Path(folder) / picture, path)

    return draw


PICTURES = {
    "overview": overview,
    "cure": command(["cure", "--only", "sigmoid-glorot"], "sigmoid-glorot.png"),
    "predicted-gradient-norms": command(["predict", "--measure"], "predicted-gradient-norms.png"),
}

if __name__ == "__main__":
    for name in sys.argv[1:] or PICTURES:
        PICTURES[name](HERE / f"{name}.png")
