"""Pickles: what a training needs comes back and goes on with the same bits, in any process."""

import copy
import io
import pickle
import subprocess
import sys

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.flow.readout import Recorded
from nnscratch.schedules import Cosine

X = np.random.default_rng(0).standard_normal((30, 5)).astype(np.float32)
Y = np.arange(30) % 3


def there_and_back(thing):
    return pickle.loads(pickle.dumps(thing))


class Halved(nn.layers.Layer):
    """A user's layer."""

    kind, role = "halved", "activation"

    def __init__(self, by=2.0):
        super().__init__()
        self.by = by

    def forward(self, x, training=False):
        return x / self.by, None

    def backward(self, dy, cache, accumulate=False, input_gradient=True):
        return dy / self.by


class Unkept(Halved):
    """One that forgets what it was made with."""

    def __init__(self, size):
        super().__init__()


class Named(nn.Sequential):
    pass


def network(seed=0, dtype=np.float32):
    tied = nn.Dense(4, 4, init="he_normal", bias_init="ones")
    return nn.Sequential(
        nn.Dense(5, 4),
        nn.BatchNorm(4, momentum=0.9),
        nn.LeakyReLU(0.2),
        nn.Residual(nn.LayerNorm(4), tied, Halved(3.0), nn.Dropout(0.3), scale=0.5),
        tied,
        nn.PReLU(4),
        nn.Dense(4, 3),
        seed=seed,
        dtype=dtype,
    )


def make_trainer():
    optimizer = nn.Adam(lr=Cosine(0.1, 50), clip=nn.ClipByGlobalNorm(1.0))
    return nn.Trainer(network(), nn.SoftmaxCrossEntropy(), optimizer)


def fit(trainer, **options):
    return trainer.fit(X, Y, epochs=2, batch_size=10, progress=False, **options)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_model_comes_back_with_its_arrays_its_noise_and_its_tied_weights(dtype):
    model = network(seed=3, dtype=dtype)
    model.forward(X.astype(dtype), training=True)
    twin = there_and_back(model)
    assert repr(twin) == repr(model)
    assert twin.dtype == model.dtype
    assert list(twin.params) == list(model.params)
    assert twin.parts[3].layers[1] is twin.parts[4]
    assert twin.parts[3].layers[2].by == 3.0
    np.testing.assert_array_equal(twin.params.flat, model.params.flat)
    np.testing.assert_array_equal(twin.statistics.flat, model.statistics.flat)
    assert np.shares_memory(twin.layers["0.dense"].params["weight"], twin.params.flat)
    x = X.astype(dtype)
    for training in (False, True, True):
        np.testing.assert_array_equal(twin.forward(x, training), model.forward(x, training))


def test_a_trainer_goes_on_as_if_nothing_had_been():
    whole, stopped = make_trainer(), make_trainer()
    fit(whole)
    fit(stopped, max_steps=4, callbacks=[nn.GradientFlow(stopped.model)])
    twin = there_and_back(stopped)
    assert twin.callbacks == ()
    twin.resume(X, Y, progress=False)
    np.testing.assert_array_equal(twin.model.params.flat, whole.model.params.flat)
    assert twin.history.loss == whole.history.loss
    assert twin.optimizer.lr == whole.optimizer.lr
    stopped.resume(X, Y, progress=False)  # and the first one is none the worse for it
    np.testing.assert_array_equal(stopped.model.params.flat, whole.model.params.flat)


def test_an_optimizer_comes_back_with_its_state_and_without_the_parameters():
    trainer = make_trainer()
    fit(trainer)
    twin = there_and_back(trainer.optimizer)
    assert repr(twin) == repr(trainer.optimizer)
    assert twin.steps == 6
    for name, array in trainer.optimizer.state.items():
        np.testing.assert_array_equal(twin.state[name], array)
    small, large = nn.SGD(lr=0.1), nn.Sequential(nn.Dense(1000, 100))
    small.step(large.params, large.grads)
    assert len(pickle.dumps(small)) < 2000


def test_a_recorder_comes_back_as_what_it_recorded():
    trainer = make_trainer()
    flow = nn.GradientFlow(trainer.model, label="mine")
    fit(trainer, callbacks=[flow])
    for twin in (there_and_back(flow), copy.deepcopy(flow), there_and_back(there_and_back(flow))):
        assert isinstance(twin, Recorded)
        assert len(twin) == len(flow) == 6
        np.testing.assert_equal(twin.to_dict(), flow.to_dict())
        assert twin.findings().kinds == flow.findings().kinds
    np.testing.assert_equal(there_and_back(flow.to_dict()), flow.to_dict())


def test_a_layer_by_itself_comes_back_with_its_parameters():
    layer = nn.Dense(3, 2).initialize(5)
    twin = there_and_back(layer)
    x = X[:, :3].copy()
    np.testing.assert_array_equal(twin.forward(x)[0], layer.forward(x)[0])
    assert there_and_back(nn.Dense(3, 2)).dtype is None


class Watched(pickle.Unpickler):
    """Notes where what is loaded comes from."""

    def __init__(self, file):
        super().__init__(file)
        self.found = set()

    def find_class(self, module, name):
        self.found.add((module.split(".")[0], name))
        return super().find_class(module, name)


def test_a_shallow_copy_of_a_model_shares_no_arrays_either():
    model = network(seed=3)
    twin, before = copy.copy(model), model.params.flat.copy()
    np.testing.assert_array_equal(twin.params.flat, before)
    twin.params.flat = 0 * before
    np.testing.assert_array_equal(model.params.flat, before)


@pytest.mark.parametrize("copied", [lambda one: pickle.loads(pickle.dumps(one)), copy.deepcopy])
def test_a_trace_comes_back_as_a_copy_of_its_own(copied):
    model = nn.Sequential(nn.LSTM(3, 4), nn.LastStep(), nn.Dense(4, 2), seed=0)
    x = np.random.default_rng(0).standard_normal((5, 6, 3)).astype(np.float32)
    trace = model.trace(x, np.arange(5) % 2, nn.SoftmaxCrossEntropy())
    twin, expected = copied(trace), trace["0.lstm"].hidden_gradient.copy()
    model.forward(2 * x)
    assert twin.loss == trace.loss
    np.testing.assert_array_equal(twin["0.lstm"].hidden_gradient, expected)
    with pytest.raises(nn.ConfigError, match="this trace is outdated"):
        copied(trace)


def test_only_classes_of_this_package_and_arrays_are_named_in_it():
    model = nn.Sequential(nn.Dense(5, 3), nn.ReLU(), nn.Residual(nn.Dense(3, 3)))
    trainer = nn.Trainer(model, nn.SoftmaxCrossEntropy(), nn.Adam(lr=0.1))
    fit(trainer)
    watched = Watched(io.BytesIO(pickle.dumps(trainer)))
    watched.load()
    others = {(module, name) for module, name in watched.found if module != "nnscratch"}
    arrays = {"_reconstruct", "ndarray", "dtype", "_frombuffer", "scalar"}
    assert {name for module, name in others if module == "numpy"} <= arrays
    assert {module for module, _ in others} <= {"numpy", "copyreg", "builtins"}
    assert {name for module, name in others if module == "builtins"} <= {"object"}


def test_what_cannot_come_back_is_refused_when_it_is_pickled():
    with pytest.raises(nn.ConfigError, match="its class takes 'size', but keeps no attribute"):
        pickle.dumps(nn.Sequential(nn.Dense(5, 3), Unkept(3)))
    with pytest.raises(nn.ConfigError, match=r"Named cannot be pickled: .*save_weights\(path\)"):
        pickle.dumps(Named(nn.Dense(5, 3)))


CHILD = """
import pickle, sys
trainer = pickle.load(sys.stdin.buffer)
import numpy as np
x = np.random.default_rng(0).standard_normal((30, 5)).astype(np.float32)
trainer.resume(x, np.arange(30) % 3, progress=False)
sys.stdout.buffer.write(trainer.model.params.flat.tobytes())
"""


def test_another_process_ends_a_training_with_the_same_bits():
    model = nn.Sequential(nn.Dense(5, 4), nn.Dropout(0.3), nn.Tanh(), nn.Dense(4, 3))
    trainer = nn.Trainer(model, nn.SoftmaxCrossEntropy(), nn.SGD(lr=0.1, momentum=0.9))
    fit(trainer, max_steps=3)
    done = subprocess.run(
        [sys.executable, "-c", CHILD], input=pickle.dumps(trainer), capture_output=True, check=True
    )
    trainer.resume(X, Y, progress=False)
    assert done.stdout == model.params.flat.tobytes()


def test_joblib_keeps_them_too(tmp_path):
    joblib = pytest.importorskip("joblib")
    trainer = make_trainer()
    fit(trainer)
    joblib.dump(trainer, tmp_path / "trainer.joblib", compress=3)
    twin = joblib.load(tmp_path / "trainer.joblib")
    np.testing.assert_array_equal(twin.model.params.flat, trainer.model.params.flat)
