"""Networks: calls of layers in topological order, and the passes through them.

`nodes` is what a network is made of, `structure` gives its parameters names and flat arrays,
`graph` goes forward and backward, `replay` and `captures` keep a pass as one list of kernel calls,
`network` and `model` are what users see; `blocks` only write nodes.
"""
