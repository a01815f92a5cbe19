"""The producer of the first NaN is told from those that passed it on; and `plot_grad_flow`."""

import matplotlib.pyplot as plt
import pytest

import nnscratch as nn

torch = pytest.importorskip("torch", reason="torch is not installed")

from nnscratch.pytorch import first_nonfinite, plot_grad_flow  # noqa: E402

tn = torch.nn


class Root(tn.Module):
    def forward(self, x):
        return x.sqrt()


def network():
    torch.manual_seed(0)
    return tn.Sequential(tn.Linear(4, 4), Root(), tn.Tanh(), tn.Linear(4, 2))


def test_the_module_that_made_it_is_named():
    model = network()
    with first_nonfinite(model), pytest.raises(nn.NonFiniteError, match=r"'1' \(Root\) made it"):
        model(torch.randn(9, 4))
    model(torch.randn(9, 4))  # nobody looks any more


def test_those_that_passed_it_on_are_not_blamed():
    model = network()
    guard = first_nonfinite(model, stop=False)
    model(torch.randn(9, 4))
    assert guard.producer.startswith("'1' (Root)")
    assert guard.passed_on == ["2", "3"]


def test_parameters_and_data_are_told_apart():
    model = tn.Sequential(tn.Linear(4, 4), tn.Tanh(), tn.Linear(4, 2))
    with torch.no_grad():
        model[2].weight[0, 0] = float("inf")
    with first_nonfinite(model), pytest.raises(nn.NonFiniteError, match="parameter weight of '2'"):
        model(torch.randn(9, 4))
    with first_nonfinite(model), pytest.raises(nn.NonFiniteError, match="what '0' was given"):
        model(torch.full((9, 4), float("nan")))


def test_backward_the_producer_is_between_finite_and_not():
    model = tn.Sequential(tn.Linear(4, 4), tn.ReLU(), Root(), tn.Linear(4, 2))
    with torch.no_grad():  # the slope of a root at 0 is infinite
        model[0].weight.zero_()
        model[0].bias.zero_()
    with first_nonfinite(model), pytest.raises(nn.NonFiniteError, match="backward through '2'"):
        model(torch.randn(9, 4)).sum().backward()
    with first_nonfinite(model), pytest.raises(nn.NonFiniteError, match="through the loss"):
        (model(torch.randn(9, 4)) * float("inf")).nansum().backward()


def test_a_healthy_run_passes():
    model = tn.Sequential(tn.Linear(4, 4), tn.Tanh(), tn.Linear(4, 2))
    with first_nonfinite(model) as guard:
        model(torch.randn(9, 4)).sum().backward()
    assert guard.producer == ""


def test_grad_flow_is_relative_on_a_log_axis_with_a_sentence():
    torch.manual_seed(0)
    blocks = [part for _ in range(6) for part in (tn.Linear(20, 20), tn.Sigmoid())]
    model = tn.Sequential(*blocks, tn.Linear(20, 3), tn.Linear(3, 3))
    model[:13](torch.randn(30, 20)).square().sum().backward()
    ax = plot_grad_flow(model.named_parameters())
    drawn = ax.lines[0].get_ydata()
    weight = model[12].weight
    assert drawn[-1] == pytest.approx((weight.grad.norm() / weight.norm()).item())
    assert len(drawn) == 7
    assert [text.get_text() for text in ax.texts] == ["none"]
    assert ax.get_yscale() == "log"
    assert "times less than 12" in ax.get_title(loc="left")
    plt.close(ax.figure)
    with pytest.raises(nn.ConfigError, match=r"model\.named_parameters"):
        plot_grad_flow([])


def test_what_has_no_place_on_the_axis_is_told_apart():
    model = tn.Sequential(*(tn.Linear(3, 3) for _ in range(6)))
    for layer in model:
        layer.weight.grad = torch.ones(3, 3)
    model[1].weight.grad = None
    model[2].weight.grad[0, 0] = float("nan")
    model[3].weight.grad[0, 0] = float("inf")
    model[4].weight.grad.zero_()
    tn.init.zeros_(model[5].weight)
    for given in (list(model.named_parameters()), dict(model.named_parameters())):
        ax = plot_grad_flow(given)
        marks = [text.get_text() for text in ax.texts if text.get_text()]
        assert marks == ["none", "NaN", "infinite", "0", "weights are 0"]
        plt.close(ax.figure)


@pytest.mark.parametrize("given", [tn.Sequential(tn.Linear(3, 3)), None, [1], [("a", 1)], "ab"])
def test_what_names_no_parameters_is_refused(given):
    with pytest.raises(nn.ConfigError, match=r"model\.named_parameters\(\), got "):
        plot_grad_flow(given)
    with pytest.raises(nn.ConfigError, match=r"model\.named_parameters\(\), got "):
        plot_grad_flow(tn.Linear(3, 3).parameters())
