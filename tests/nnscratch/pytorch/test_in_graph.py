"""Losses as autograd keeps them: which function, and what it was given."""

import pytest

torch = pytest.importorskip("torch")
functional = torch.nn.functional

from nnscratch.pytorch.losses.in_graph import asked  # noqa: E402
from nnscratch.pytorch.losses.sent_back import name_of  # noqa: E402


def node_of(value):
    """The node of the loss itself: what only gives it another shape stands behind it."""
    node = value.grad_fn
    while asked(node) is None:
        node = node.next_functions[0][0]
    return node


@pytest.mark.parametrize("positions", [(), (5,), (1,), (2, 5), (1, 5), (2, 1)])
def test_a_cross_entropy_gives_its_answers_and_labels_as_they_were(positions):
    """Steps of sequences are kept as pictures one row high, and become sequences again."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(4, 3, *positions, generator=generator, requires_grad=True)
    labels = torch.randint(0, 3, (4, *positions), generator=generator)
    node = node_of(functional.cross_entropy(logits, labels, reduction="sum"))
    function, given, outputs, targets = asked(node)
    assert name_of(node).startswith("NllLoss")
    assert function.__name__ == "cross_entropy"
    assert given["reduction"] == "sum"
    kept = (4, 3, *positions) if positions != (1, 5) else (4, 3, 5)
    assert tuple(outputs.shape) == kept
    torch.testing.assert_close(outputs.reshape(logits.shape), logits.log_softmax(1).detach())
    torch.testing.assert_close(targets.reshape(labels.shape), labels)
    value = function(outputs, targets, **given)
    torch.testing.assert_close(value, functional.cross_entropy(logits, labels, reduction="sum"))
