"use strict";
// What the page shows, in words: quantities, and the kinds of layers to show them of.

const QUANTITIES = {
  gradient_norm: { title: "gradient norm", log: true, how: "How to read: each row is a layer (input \
at the bottom), each column a moment of training. One colour from bottom to top is a healthy flow; \
darker towards the bottom is a vanishing gradient, brighter towards it an exploding one." },
  output_std: { title: "output std", log: true, how: "How to read: darker towards the top means that \
the signal dies out on its way through the network, brighter towards it that it blows up." },
  update_ratio: { title: "update / weight", log: true, how: "How to read: how far one step moved the \
weights, relative to their norm. Around 1e-3 is a good speed; a dark row is a layer that hardly \
learns." },
  saturated: { title: "saturated", log: false, how: "How to read: the fraction of a layer's outputs \
at either flat end of its activation; a bright row passes no gradient." },
  saturated_low: { title: "saturated low", log: false, how: "How to read: the fraction of a layer's \
outputs at the low end of its activation (0 of ReLU, -1 of tanh)." },
  saturated_high: { title: "saturated high", log: false, how: "How to read: the fraction of a \
layer's outputs at the high end of its activation (1 of sigmoid and tanh)." },
  dead_units: { title: "dead units", log: false, how: "How to read: the fraction of a layer's units \
that were dead for every example of the probe batch, as last counted; a unit that stays dead learns \
nothing more." },
  batchnorm_mean_gap: { title: "batch mean gap", log: true, how: "How to read: how far the batch's \
mean lies from the running mean, in running standard deviations; far above 1, evaluation sees \
another network than training does." },
  batchnorm_variance_ratio: { title: "variance ratio", log: true, how: "How to read: the batch's \
variance over the running variance; far from 1, evaluation sees another network than training \
does." },
  batchnorm_scale: { title: "scale gamma / sigma", log: true, how: "How to read: what batch norm \
multiplies the gradient by on its way back; above 1 it grows, below 1 it shrinks." },
  output_zeros: { title: "zeros", log: false, how: "How to read: the fraction of a layer's outputs \
that are exactly 0." },
};
const ENDS = ["saturated", "saturated_low", "saturated_high", "output_zeros", "dead_units"];
const BATCHNORM = ["batchnorm_mean_gap", "batchnorm_variance_ratio", "batchnorm_scale"];

// Every layer has these. Dense layers and activations change them in turn, so that one line through
// all layers zigzags; a line through one kind shows the trend.
const OF_EVERY_LAYER = ["gradient_norm", "output_std"];
const KINDS = {
  dense: { title: "dense", one: "dense layer", has: (kind) => kind === "dense",
    how: "Shown are the dense layers, by their number in the whole network." },
  activations: { title: "activations", one: "activation",
    has: (kind) => !["dense", "batchnorm", "dropout"].includes(kind),
    how: "Shown are the activations, by their number in the whole network." },
  all: { title: "all", one: "layer", has: () => true,
    how: "Different kinds of layers take turns, so that this may zigzag: for the trend choose one \
kind of layers above." },
};

// What a layer is: "elu" of "3.elu".
function kindOf(name) { return name.slice(name.lastIndexOf(".") + 1); }
