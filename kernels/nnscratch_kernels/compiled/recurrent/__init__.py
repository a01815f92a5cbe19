"""Recurrent layers, compiled. Definitions, shapes and the layout of gates: `reference`.

Each part of the work takes its examples through all steps: first the products of the input with the
weights, of all steps at once, then step after step the product of the state with the recurrent
weights, which lie packed for the tile, and what the cell does with the sums.
"""

from nnscratch_kernels.compiled.recurrent.gru import gru_backward, gru_forward
from nnscratch_kernels.compiled.recurrent.lstm import lstm_backward, lstm_forward
from nnscratch_kernels.compiled.recurrent.rnn import rnn_backward, rnn_forward

__all__ = [
    "gru_backward",
    "gru_forward",
    "lstm_backward",
    "lstm_forward",
    "rnn_backward",
    "rnn_forward",
]
