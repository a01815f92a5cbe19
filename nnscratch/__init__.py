"""See, predict and cure vanishing and exploding gradients.

A neural-network engine written out by hand: explicit layers, each with its own forward and
backward, on readable NumPy or fast Numba kernels, and a record of the gradient on its way through
them.

>>> import nnscratch as nn
>>> x_train, y_train, x_test, y_test = nn.datasets.digits()
>>> model = nn.Sequential(nn.Dense(64, 100), nn.Sigmoid(), nn.Dense(100, 10))
>>> flow = nn.GradientFlow(model)
>>> trainer = nn.Trainer(model, nn.SoftmaxCrossEntropy(), nn.SGD(lr=0.1))
>>> history = trainer.fit(x_train, y_train, epochs=5, batch_size=50, callbacks=[flow])
>>> figure = flow.plot()
"""

from importlib.metadata import version as _version

__version__ = _version("nnscratch")
