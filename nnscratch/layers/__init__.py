"""Layers: each with an explicit `forward` and an explicit `backward`, written by hand.

Each file says in its own ``__all__`` which layers it gives; they are attributes of `nnscratch` too.
"""

from nnscratch.layers.activations import *
from nnscratch.layers.base import *
from nnscratch.layers.batchnorm import *
from nnscratch.layers.dense import *
from nnscratch.layers.dropout import *
from nnscratch.layers.gru import *
from nnscratch.layers.hard import *
from nnscratch.layers.joins import *
from nnscratch.layers.lstm import *
from nnscratch.layers.norms import *
from nnscratch.layers.pooling import *
from nnscratch.layers.rectifiers import *
from nnscratch.layers.registry import activation, activation_names
from nnscratch.layers.rnn import *
from nnscratch.layers.rrelu import *
from nnscratch.layers.softmax import *

# Of the files above come layers alone: each lists its own.
__all__ = ["activation", "activation_names"]
__all__ += [name for name, value in globals().items() if isinstance(value, type)]
