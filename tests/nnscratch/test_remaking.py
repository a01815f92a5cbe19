"""`remake`: the same network, weights drawn anew, and only what is named changed."""

import numpy as np
import pytest

import nnscratch as nn


def network():
    return nn.Sequential(
        nn.Dense(4, 6, init="normal"),
        nn.Sigmoid(),
        nn.Dense(6, 5, bias_init="ones"),
        nn.BatchNorm(5, momentum=0.99),
        nn.Sigmoid(),
        nn.Dense(5, 2),
        nn.Sigmoid(),
        seed=3,
    )


def kinds(model):
    return [layer.kind for layer in model.layers.values()]


def test_nothing_named_is_the_same_network_with_new_weights():
    model = network()
    weights = {name: np.array(value) for name, value in model.params.items()}
    same, other = nn.remake(model, seed=3), nn.remake(model)
    assert kinds(same) == kinds(model)
    for name, value in weights.items():
        assert np.array_equal(model.params[name], value)
        assert np.array_equal(same.params[name], value)
        assert not np.shares_memory(same.params[name], model.params[name])
    assert not np.array_equal(other.params["0.weight"], weights["0.weight"])


def test_an_activation_brings_its_weights_and_leaves_the_output():
    made = nn.remake(network(), activation="relu")
    assert kinds(made) == ["dense", "relu", "dense", "batchnorm", "relu", "dense", "sigmoid"]
    assert made[0].init == nn.initializers.get("he_normal")
    forced = nn.remake(network(), activation="relu", init="normal")
    assert forced[0].init == nn.initializers.get("normal")


class Leaning(nn.Layer):
    """max(x, lean x)."""

    kind = "leaning"
    role = "activation"

    def __init__(self, lean: float = 0.1) -> None:
        super().__init__()
        self.lean = lean

    def forward(self, x):
        return np.maximum(x, self.lean * x), x

    def backward(self, dy, cache):
        return np.where(cache > 0, dy, self.lean * dy)


@pytest.mark.parametrize("bend", [nn.LeakyReLU(0.5), Leaning(0.5)])
def test_an_activation_can_be_a_layer_which_is_made_anew_at_each_place(bend):
    model = nn.Sequential(
        nn.Dense(4, 6), nn.Tanh(), nn.Residual(nn.Dense(6, 6)), nn.Dense(6, 2), seed=0
    )
    made = nn.remake(model, activation=bend)
    assert [kind for kind in kinds(made) if kind in ("dense", bend.kind)] == [
        *["dense", bend.kind] * 2, "dense"
    ]  # fmt: skip
    new = [layer for layer in made.layers.values() if layer.kind == bend.kind]
    assert len({id(layer) for layer in [*new, bend]}) == 3
    assert {vars(layer).get("slope", vars(layer).get("lean")) for layer in new} == {0.5}
    # n_in Var(w) = 2 / (1 + slope^2) hands the gradient on
    assert made[0].init.variance(100, 7) == pytest.approx(0.016, rel=1e-3)


@pytest.mark.parametrize("bend", [nn.ReLU, nn.Dropout(0.5), 3])
def test_what_is_no_activation_is_refused(bend):
    with pytest.raises(nn.ConfigError, match=r"remake activation=.*LeakyReLU\(0.2\), or a name"):
        nn.remake(network(), activation=bend)


def test_an_activation_comes_behind_dense_layers_that_have_none():
    plain = nn.Sequential(nn.Dense(3, 4), nn.Dense(4, 4), nn.Dense(4, 1), seed=0)
    assert kinds(nn.remake(plain, activation="tanh")) == ["dense", "tanh"] * 2 + ["dense"]


def test_an_output_is_replaced_added_and_taken_away():
    assert kinds(nn.remake(network(), output="identity"))[-1] == "dense"
    assert kinds(nn.remake(network(), output="tanh"))[-2:] == ["dense", "tanh"]
    plain = nn.Sequential(nn.Dense(3, 1), seed=0)
    assert kinds(nn.remake(plain, output="sigmoid")) == ["dense", "sigmoid"]


def test_a_norm_comes_where_there_is_none():
    made = kinds(nn.remake(network(), norm=True))
    assert made[:3] == ["dense", "batchnorm", "sigmoid"]
    assert made.count("batchnorm") == 2


def test_momentum_and_biases():
    made = nn.remake(network(), momentum=0.9, bias_init="zeros")
    assert made[3].momentum == 0.9
    assert not np.any(made.params["2.bias"])


def test_a_width_is_at_least_that_and_the_ends_stay():
    made = nn.remake(network(), width=6)
    assert made.params["0.weight"].shape == (4, 6)
    assert made.params["2.weight"].shape == (6, 6)
    assert made.params["3.gamma"].shape == (6,)
    assert made.params["5.weight"].shape == (6, 2)


def test_inputs_and_outputs_are_as_many_as_are_named():
    made = nn.remake(network(), inputs=7, outputs=9)
    assert made.params["0.weight"].shape[0] == 7
    assert made.params["5.weight"].shape[1] == 9
    behind = nn.Sequential(nn.GRU(3, 4), nn.LastStep(), nn.Dense(4, 2))
    assert nn.remake(behind, inputs=5).params["0.weight"].shape[0] == 5
    with pytest.raises(nn.ConfigError, match="remake outputs must be"):
        nn.remake(network(), outputs=0)


def test_blocks_are_made_anew():
    block = nn.Residual(nn.LayerNorm(4), nn.ReLU(), nn.Dense(4, 4), scale=0.5)
    model = nn.Sequential(nn.Dense(3, 4), block, nn.Dense(4, 1), seed=1)
    made = nn.remake(model, init="he_normal")
    assert list(made.layers) == list(model.layers)
    assert made.params["1.2.weight"].std() > 0
    with pytest.raises(nn.ConfigError, match="cannot widen"):
        nn.remake(model, width=8)


def test_an_activation_is_that_of_blocks_too():
    """In place of theirs; of one that has none behind its dense layers, and the block stays one."""
    block = nn.Residual(nn.Dense(6, 6))
    model = nn.Sequential(
        *(nn.Dense(3, 6), block, block),
        nn.Residual(nn.Tanh(), nn.Dense(6, 6), nn.Tanh(), nn.Dense(6, 6), skip=nn.Dense(6, 6)),
        *(nn.Residual(nn.Residual(nn.Dense(6, 6))), nn.Dense(6, 2)),
        seed=0,
        dtype=np.float64,
    )
    made = nn.remake(model, activation="elu")
    inner = [[layer.kind for layer in made[i].layers] for i in (1, 3)]
    assert inner == [["dense", "elu"], ["elu", "dense", "elu", "dense"]]
    assert [layer.kind for layer in made[4].layers[0].layers] == ["dense", "elu"]
    assert made[1] is made[2]
    assert made[3].skip.kind == "dense"
    assert made[1].layers[0].init == made[3].skip.init == made[0].init
    x = np.random.default_rng(0).standard_normal((5, 3))
    assert nn.check_gradients(made, nn.SoftmaxCrossEntropy(), x, np.arange(5) % 2)


def test_frozen_blocks_keep_their_activation():
    model = nn.Sequential(nn.Residual(nn.Dense(3, 3), nn.Tanh()), nn.Dense(3, 2), seed=0)
    model.freeze("0")
    made = nn.remake(model, activation="elu")
    assert [layer.kind for layer in made[0].layers] == ["dense", "tanh"]
    assert made[0].layers[0].frozen


@pytest.mark.parametrize(
    "changes", [{"activation": "nothing"}, {"init": "nothing"}, {"width": 0}, {"output": "x"}]
)
def test_what_is_not_known_is_refused(changes):
    with pytest.raises(nn.NnscratchError):
        nn.remake(network(), **changes)


def through_time(layer, width=6):
    return nn.Sequential(nn.Dense(3, 4), layer, nn.LastStep(), nn.Dense(width, 2), seed=0)


def test_initializers_of_dense_layers_leave_recurrent_ones_alone():
    model = through_time(nn.RNN(4, 6, init="lecun_normal", bias_init="ones"))
    made = nn.remake(model, init="he_normal", bias_init="zeros")
    assert made[0].init == nn.initializers.get("he_normal")
    assert made[1].init == nn.initializers.get("lecun_normal")
    assert (made.params["1.bias"] == 1).all()
    drawn = nn.remake(model, recurrent_init="identity")
    assert np.array_equal(drawn.params["1.recurrent_weight"], np.eye(6))
    assert drawn[1].init == nn.initializers.get("lecun_normal")


def test_weights_that_meet_the_inputs_of_recurrent_layers_can_be_named():
    made = nn.remake(through_time(nn.LSTM(4, 6, defaults="keras")), input_init="he_normal")
    assert made[1].init == nn.initializers.get("he_normal")
    assert made[1].defaults is None
    assert made[0].init == made[3].init == nn.Dense(1, 1).init


def test_what_is_named_decides_where_a_framework_would_have():
    made = nn.remake(through_time(nn.LSTM(4, 6, defaults="pytorch")), forget_bias=2.0)
    assert (made.params["1.bias"][6:12] == 2).all()
    kept = nn.remake(through_time(nn.LSTM(4, 6, defaults="pytorch")), init="he_normal")
    assert kept[1].defaults == "pytorch"
    made = nn.remake(through_time(nn.GRU(4, 6, chrono=30)), update_bias=1.0)
    assert (made.params["1.bias"][6:12] == 1).all()
    both = nn.Sequential(nn.Bidirectional(nn.LSTM(3, 4)), nn.LastStep(), nn.Dense(8, 2))
    assert nn.remake(both, forget_bias=3.0)[0].other.forget_bias == 3.0


def test_a_width_is_that_of_dense_layers():
    made = nn.remake(through_time(nn.GRU(4, 6)), width=9)
    assert made.params["1.weight"].shape == (9, 18)
    assert made.params["3.weight"].shape == (6, 2)


def test_every_dropout_takes_the_rate_that_is_named():
    model = nn.Sequential(
        *(nn.Dense(3, 4), nn.ReLU(), nn.Dropout(0.9), nn.Dense(4, 4), nn.Dropout(0.5)),
        nn.Dense(4, 1),
        seed=0,
    )
    made = nn.remake(model, dropout=0.25)
    rates = [layer.rate for layer in made.layers.values() if layer.kind == "dropout"]
    assert rates == [0.25, 0.25]


def pretrained():
    """A frozen trunk with statistics of its own, and a head."""
    model = nn.Sequential(
        *(nn.Dense(4, 6, init="normal"), nn.BatchNorm(6), nn.Sigmoid()),
        *(nn.Dense(6, 5), nn.Sigmoid(), nn.Dense(5, 5), nn.Sigmoid(), nn.Dense(5, 2)),
        seed=3,
    )
    x = np.random.default_rng(0).normal(1, 2, size=(30, 4)).astype("float32")
    model.forward(x, training=True)
    model.freeze()
    model.unfreeze("5.dense", "7.dense")
    return model


def features(model, layers):
    """What the frozen layers give."""
    x = np.random.default_rng(1).normal(1, 2, size=(7, 4)).astype("float32")
    model.forward(x, training=True)
    return model.last[list(model.layers)[layers - 1]].output.copy()


@pytest.mark.parametrize(
    ("changes", "after"),
    [
        ({}, ["dense", "sigmoid", "dense"]),
        ({"init": "he_normal", "bias_init": "ones"}, ["dense", "sigmoid", "dense"]),
        ({"activation": "relu"}, ["dense", "relu", "dense"]),
        ({"norm": True, "momentum": 0.5}, ["dense", "batchnorm", "sigmoid", "dense"]),
        ({"width": 9}, ["dense", "sigmoid", "dense"]),
        ({"output": "tanh"}, ["dense", "sigmoid", "dense", "tanh"]),
    ],
    ids=lambda one: "-".join(one),
)
def test_frozen_layers_stay_with_all_they_have_learned(changes, after):
    model = pretrained()
    made = nn.remake(model, **changes)
    assert kinds(made) == ["dense", "batchnorm", "sigmoid", "dense", "sigmoid", *after]
    assert np.array_equal(features(made, 5), features(model, 5))
    assert made[1].momentum == 0.9  # frozen
    frozen = [name for name in made.frozen if made.layers[name].parameter_shapes()]
    assert frozen == ["0.dense", "1.batchnorm", "3.dense"]
    assert not np.array_equal(made.params["5.weight"][:4, :4], model.params["5.weight"][:4, :4])


def test_what_a_frozen_layer_cannot_keep_is_refused_by_name():
    model = network()
    model.freeze("2.dense")
    with pytest.raises(nn.ConfigError, match=r"width of layer 2, Dense\(6, 5.*frozen"):
        nn.remake(model, width=8)
    model.unfreeze()
    model.freeze("3.batchnorm")
    with pytest.raises(nn.ConfigError, match=r"width of layer 3, BatchNorm\(5.*frozen"):
        nn.remake(model, width=6)
    learned = nn.Sequential(nn.Dense(3, 2), nn.PReLU(2), seed=0)
    learned.freeze("1.prelu")
    with pytest.raises(nn.ConfigError, match=r"output='tanh' in the place of layer 1, PReLU"):
        nn.remake(learned, output="tanh")
    assert nn.remake(learned, activation="tanh").frozen == ("1.prelu",)


def test_frozen_layers_in_blocks_and_of_one_direction_stay():
    model = nn.Sequential(
        nn.Bidirectional(nn.LSTM(3, 4)),
        nn.Residual(nn.LayerNorm(8), nn.Dense(8, 8), skip=nn.Dense(8, 8)),
        *(nn.LastStep(), nn.Dense(8, 2)),
        seed=1,
    )
    model.freeze("0.1.lstm", "1.1.dense")
    made = nn.remake(model, forget_bias=2.0, init="ones")
    assert made.frozen == ("0.1.lstm", "1.1.dense")
    for key in ("0.1.weight", "0.1.bias", "1.1.weight"):
        assert np.array_equal(made.params[key], model.params[key])
    assert (made.params["0.0.bias"][4:8] == 2).all()
    assert (made.params["1.2.weight"] == 1).all()


def test_layers_that_share_weights_still_do():
    tied = nn.Dense(4, 4)
    inner = nn.Residual(tied, nn.ReLU())
    model = nn.Sequential(nn.Dense(3, 4), tied, nn.Tanh(), inner, tied, nn.Dense(4, 1), seed=0)
    model.freeze("1.dense")
    made = nn.remake(model, init="he_normal")
    assert list(made.params) == list(model.params)
    assert made[1] is made[4] is made[3].layers[0]
    assert np.array_equal(made.params["1.weight"], model.params["1.weight"])
    model = nn.Sequential(tied := nn.Dense(4, 4), nn.Tanh(), tied, nn.Dense(4, 1), seed=0)
    with pytest.raises(nn.ConfigError, match=r"layer 0, Dense\(4, 4.*stands in several"):
        nn.remake(model, width=6)


def test_how_much_residual_blocks_add_can_be_named():
    inner = nn.Residual(nn.Dense(4, 4), nn.Tanh())
    model = nn.Sequential(nn.Residual(inner, nn.Dense(4, 4), scale=0.7), nn.Dense(4, 2))
    made = nn.remake(model, residual_scale=0.25)
    assert made[0].scale == made[0].layers[0].scale == 0.25
    assert nn.remake(model, init="zeros")[0].scale == 0.7
    with pytest.raises(nn.ConfigError, match="scale"):
        nn.remake(model, residual_scale="much")


@pytest.mark.parametrize("which", ["1.layernorm", "1"])
def test_a_layer_is_left_out(which):
    model = nn.Sequential(nn.Dense(4, 3), nn.LayerNorm(3), nn.Residual(nn.Dense(3, 3)))
    made = nn.remake(model, without=which)
    assert [type(part).__name__ for part in made] == ["Dense", "Residual"]
    assert len(model) == 3
    assert len(nn.remake(model, without="2")) == 2


@pytest.mark.parametrize("which", ["3", "2.0.dense", "layernorm", "-1", 1])
def test_what_is_no_part_cannot_be_left_out(which):
    model = nn.Sequential(nn.Dense(4, 3), nn.LayerNorm(3), nn.Residual(nn.Dense(3, 3)))
    with pytest.raises(nn.ConfigError, match=r"unknown layer to remake without.* 1\.layernorm"):
        nn.remake(model, without=which)


def test_what_is_frozen_is_not_left_out_and_widths_must_fit():
    model = nn.Sequential(nn.Dense(4, 3), nn.Dense(3, 2), nn.Dense(2, 1))
    with pytest.raises(nn.ShapeError):
        nn.remake(model, without="1.dense")
    model.freeze("2.dense")
    with pytest.raises(nn.ConfigError, match="which is frozen"):
        nn.remake(model, without="2.dense")
