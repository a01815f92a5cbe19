"""The estimators of scikit-learn: its own checks, and what those do not ask."""

import collections
import copy
import os
import pickle
import subprocess
import sys
import warnings

import numpy as np
import pytest

import nnscratch as nn

pytest.importorskip("sklearn", minversion="1.6", reason="scikit-learn is not installed")

from scipy.sparse import csr_array
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import compute_sample_weight

from nnscratch.sklearn import FindingWarning, NeuralClassifier, NeuralRegressor

RNG = np.random.default_rng(0)
X = RNG.standard_normal((120, 4))
CLASSES = (X[:, 0] > 0) + 2 * (X[:, 1] > 0)
NAMES = np.array(["north", "east", "south", "west"])[CLASSES]
NUMBERS = np.stack([X[:, 0] - X[:, 1], X[:, 2] * X[:, 3]], axis=1)

CHECK = """
import warnings
warnings.simplefilter("ignore")
from sklearn.utils.estimator_checks import check_estimator
from nnscratch.sklearn import NeuralClassifier, NeuralRegressor
for kind in (NeuralClassifier, NeuralRegressor):
    for check in check_estimator(kind(), on_fail=None):
        print(kind.__name__, check["status"], check["check_name"], repr(check["exception"])[:200])
"""


def classifier(**options):
    return NeuralClassifier(
        **{"hidden": (16,), "lr": 0.01, "epochs": 60, "random_state": 0} | options
    )


def regressor(**options):
    return NeuralRegressor(
        **{"hidden": (16,), "lr": 0.01, "epochs": 60, "random_state": 0} | options
    )


@pytest.mark.slow
def test_check_estimator_passes_whole_and_skips_nothing():
    done = subprocess.run(
        [sys.executable, "-c", CHECK],
        env={**os.environ, "SCIPY_ARRAY_API": "1"},  # without it one check is skipped
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    lines = done.stdout.splitlines()
    assert [line for line in lines if " passed " not in line] == []
    counts = collections.Counter(line.split()[0] for line in lines)
    assert counts["NeuralClassifier"] > 55
    assert counts["NeuralRegressor"] > 50


def test_labels_of_any_kind_come_back():
    found = classifier().fit(X, NAMES)
    assert found.score(X, NAMES) > 0.95
    assert list(found.classes_) == ["east", "north", "south", "west"]
    assert abs(found.predict_proba(X).sum(axis=1) - 1).max() < 1e-12
    assert (found.classes_[found.decision_function(X).argmax(axis=1)] == found.predict(X)).all()


def test_several_labels_and_several_numbers():
    labels = (NUMBERS > 0).astype(int)
    found = classifier(epochs=300).fit(X, labels)
    assert found.predict(X).shape == labels.shape
    assert (found.predict(X) == labels).mean() > 0.95
    assert ((found.predict_proba(X) > 0.5) == found.predict(X)).all()
    found.model_.params.flat[...] = 0
    assert (found.predict_proba(X) == 0.5).all()
    assert not found.predict(X).any()
    assert regressor(epochs=300).fit(X, NUMBERS).score(X, NUMBERS) > 0.9
    assert regressor().fit(X, NUMBERS[:, 0]).predict(X).shape == (120,)


def test_of_two_classes_a_decision_is_one_number():
    found = classifier().fit(X, CLASSES > 1)
    decided = found.decision_function(X)
    assert decided.shape == (120,)
    assert ((decided > 0) == found.predict(X)).all()


def test_nothing_is_predicted_before_a_fit():
    with pytest.raises(NotFittedError):
        classifier().predict(X)


def test_columns_of_classes_are_refused_by_name():
    with pytest.raises(nn.ConfigError, match="MultiOutputClassifier"):
        classifier().fit(X, np.stack([CLASSES, CLASSES], axis=1))


def test_weights_count_as_copies_and_class_weights_as_weights():
    weights = RNG.integers(0, 3, len(X))
    one = classifier(random_state=1).fit(X, NAMES, sample_weight=weights)
    two = classifier(random_state=1, batch_size=300).fit(
        X.repeat(weights, 0), NAMES.repeat(weights)
    )
    assert abs(one.predict_proba(X) - two.predict_proba(X)).max() < 1e-9
    with pytest.raises(ValueError, match="Negative values in data passed to"):
        classifier().fit(X, NAMES, sample_weight=weights - 1)
    by_class = classifier(class_weight={"east": 3, "north": 1, "south": 1, "west": 1}).fit(X, NAMES)
    by_example = classifier().fit(X, NAMES, sample_weight=1 + 2 * (NAMES == "east"))
    assert (by_class.predict_proba(X) == by_example.predict_proba(X)).all()


def test_partial_fit_and_warm_start_go_on_from_where_they_were():
    whole = classifier(epochs=4).fit(X, NAMES)
    parts = classifier()
    for _ in range(4):
        parts.partial_fit(X, NAMES, classes=np.unique(NAMES))
    warm = classifier(epochs=2, warm_start=True).fit(X, NAMES).fit(X, NAMES)
    for other in (parts, warm):
        assert other.loss_curve_ == whole.loss_curve_
        assert len(other.flow_) == len(whole.flow_) == other.n_iter_ == 4
        assert (other.predict_proba(X) == whole.predict_proba(X)).all()
    with pytest.raises(nn.DataError, match="the network was made for"):
        parts.partial_fit(X[:2], ["up", "down"])


def test_numbers_too_are_learned_in_parts():
    whole, parts = regressor(epochs=2).fit(X, NUMBERS), regressor()
    for _ in range(2):
        parts.partial_fit(X, NUMBERS)
    assert parts.loss_curve_ == whole.loss_curve_


def test_batches_are_no_larger_than_the_examples_are_many():
    found = regressor(epochs=1, batch_size=32).fit(X[:20], NUMBERS[:20])
    assert (found._setting().batch_size, found._setting().steps) == (20, 1)
    found.fit(X, NUMBERS)
    assert (found._setting().batch_size, found._setting().steps) == (32, 4)


def test_what_is_fitted_anew_is_recorded_anew():
    found = classifier(epochs=2).fit(X, NAMES)
    assert len(found.fit(X, NAMES).flow_) == 2
    found.set_params(warm_start=True, record=0).fit(X, NAMES)
    assert not hasattr(found, "flow_")  # none that ends before the training did


def test_numbers_are_no_classes_whatever_classes_there_are():
    for train in (classifier().fit, lambda x, y: classifier().partial_fit(x, y, classes=[0, 1])):
        with pytest.raises(ValueError, match="Unknown label type: continuous"):
            train(X, X[:, 0])


def test_a_pickle_goes_on_too_and_keeps_its_record():
    found = classifier(epochs=3).fit(X, NAMES)
    for twin in (pickle.loads(pickle.dumps(found)), copy.deepcopy(found)):
        assert (twin.predict_proba(X) == found.predict_proba(X)).all()
        assert len(twin.flow_) == 3
        assert twin.findings_.kinds == found.findings_.kinds
        twin.partial_fit(X, NAMES)
        assert twin.loss_curve_[:3] == found.loss_curve_
        assert len(twin.flow_) == 1
    again = classifier(epochs=4).fit(X, NAMES)
    assert (twin.predict_proba(X) == again.predict_proba(X)).all()


def test_early_stopping_holds_examples_out():
    found = regressor(early_stopping=True, patience=3, epochs=500, lr=0.05).fit(X, NUMBERS)
    history = found.trainer_.history
    assert found.n_iter_ < 500
    assert "has not got better for 3 epochs" in history.message
    assert found.trainer_.run.examples == 108
    assert np.isfinite(history.val_loss).all()


def test_it_says_why_it_does_not_train():
    sick = classifier(hidden=[16] * 12, activation="sigmoid", init="glorot_normal", epochs=30)
    with pytest.warns(FindingWarning, match="sigmoid in 12 hidden layers") as said:
        sick.fit(X, NAMES)
    assert said[0].filename == __file__
    assert "vanishing" in sick.findings_.kinds
    first, (begin, *_) = sick.findings_.causes[0], sick.findings_.begin_with()
    told = [first.sentence, first.cause, f"{begin}. All of it: print(estimator.findings_)"]
    assert str(said[0].message) == " ".join(filter(None, told))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        classifier(hidden=[16] * 12, activation="sigmoid", epochs=1, record=0).fit(X, NAMES)
    with pytest.warns(FindingWarning, match="NaN|infin"):
        regressor(optimizer="sgd", lr=1e9, record=0).fit(X, NUMBERS)


def test_any_network_optimizer_and_loss():
    own = nn.SGD(lr=0.05, momentum=0.9, clip=nn.ClipByGlobalNorm(1.0))
    found = regressor(
        build=lambda n, m: [nn.Dense(n, 8), nn.LayerNorm(8), nn.Tanh(), nn.Dense(8, m)],
        loss=nn.Huber(0.5), optimizer=own, callbacks=[nn.Penalty(l2=1e-4)], record=10,
    ).fit(X.astype("float32"), NUMBERS)  # fmt: skip
    assert [*found.model_.layers] == ["0.dense", "1.layernorm", "2.tanh", "3.dense"]
    assert found.model_.dtype == np.float32
    assert own.steps == 0
    assert found.trainer_.optimizer.steps == 60
    assert list(found.flow_.to_dict()["steps"]) == [0, 10, 20, 30, 40, 50]
    assert found.score(X, NUMBERS) > 0.4


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::nnscratch.sklearn.FindingWarning")
def test_a_search_with_several_processes_finds_what_one_alone_does():
    pipeline = make_pipeline(StandardScaler(), classifier(epochs=30))
    grid = {"neuralclassifier__hidden": [(4,), (16,)], "neuralclassifier__lr": [0.001, 0.03]}
    alone, two = (GridSearchCV(pipeline, grid, cv=3, n_jobs=n).fit(X, NAMES) for n in (None, 2))
    assert two.best_params_ == alone.best_params_
    assert (two.cv_results_["mean_test_score"] == alone.cv_results_["mean_test_score"]).all()


def test_the_loss_of_a_constant_answer_is_that_of_the_weights_it_is_trained_by():
    y = np.where(np.arange(len(X)) % 10 == 0, "rare", "usual")
    made = classifier(class_weight="balanced", epochs=2).fit(X, y)
    assert made.flow_.to_dict()["loss_constant"][0] == pytest.approx(np.log(2), rel=0.05)


def test_a_class_that_was_not_named_is_refused():
    with pytest.raises(nn.DataError, match=r"y has classes .*'south'.*, and classes= \['east'"):
        classifier().partial_fit(X, NAMES, classes=["east", "north"])
    found = classifier().partial_fit(X[:2], ["up", "down"], classes=["up", "down", "left"])
    with pytest.raises(nn.DataError, match=r"y has classes \['down' 'over'\]"):
        found.partial_fit(X[:2], ["over", "down"], classes=["up", "down", "left"])
    with pytest.raises(nn.DataError, match="the network was made for"):
        found.partial_fit(X[:2], ["up", "down"], classes=["up", "down", "over"])
    found.partial_fit(X[:2], ["left", "down"], classes=["up", "down", "left"])
    assert list(found.classes_) == ["down", "left", "up"]


def test_balanced_classes_count_the_weights_of_their_examples():
    weights = RNG.integers(0, 3, len(X)) * (1 + (NAMES == "east"))
    one = classifier(class_weight="balanced", random_state=1)
    one.fit(X, NAMES, sample_weight=weights)
    two = classifier(class_weight="balanced", random_state=1, batch_size=400)
    two.fit(X.repeat(weights, 0), NAMES.repeat(weights))
    assert abs(one.predict_proba(X) - two.predict_proba(X)).max() < 1e-9
    labels = np.stack([NAMES == "east", X[:, 2] > 1], axis=1).astype(int)
    made = classifier(class_weight="balanced")._weights(X, labels, None)
    np.testing.assert_allclose(made, compute_sample_weight("balanced", labels))


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_balanced_classes_count_the_same_whatever_their_weights_come_to(scale):
    weights = scale * (X[:, 0] > 0) * (X[:, 1] > 0) / len(X)  # one class of three has none
    made = classifier(class_weight="balanced")._weights(X, NAMES, weights)
    of_class = np.array([made[name == NAMES].sum() for name in np.unique(NAMES)])
    here = np.array([weights[name == NAMES].sum() > 0 for name in np.unique(NAMES)])
    assert not here.all()
    np.testing.assert_allclose(of_class, np.where(here, weights.sum() / here.sum(), 0.0))


def test_what_goes_on_takes_the_rate_that_is_set_and_no_other_network():
    found = classifier(epochs=1, warm_start=True).fit(X, NAMES)
    assert found.set_params(lr=0.5).fit(X, NAMES).trainer_.optimizer.lr == 0.5
    pickle.loads(pickle.dumps(found)).fit(X, NAMES)
    with pytest.raises(nn.ConfigError, match=r"hidden is \(5,\), and was \(16,\) when the network"):
        found.set_params(hidden=(5,)).fit(X, NAMES)
    with pytest.raises(nn.ConfigError, match=r"optimizer is 'sgd', and was 'adam'"):
        found.set_params(hidden=(16,), optimizer="sgd").partial_fit(X, NAMES)
    assert found.set_params(warm_start=False).fit(X, NAMES).n_iter_ == 1


def test_examples_are_held_out_whatever_classes_there_are():
    one = np.array(["alone", *NAMES[1:]])
    held = classifier(early_stopping=True, epochs=2)
    for x, y in ((X, one), (X[:4], NAMES[:4]), (X[:12], NAMES[:12])):
        assert set(held.fit(x, y).predict(x)) <= set(y)
    with pytest.raises(nn.ConfigError, match="validation_fraction must be a finite number > 0"):
        held.set_params(validation_fraction=1.5).fit(X, NAMES)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"hidden": 5}, r"hidden must be a sequence of units such as \(100, 50\), got 5"),
        ({"build": 5}, "build must be a function .* got 5"),
        ({"build": lambda n, m: nn.Dense(n, m)}, "returns a list of layers .* got Dense"),
        ({"build": lambda n, m: nn.Sequential(nn.Dense(n, m))}, "returns a list of layers"),
        ({"build": lambda n, m: None}, "returns a list of layers"),
        ({"callbacks": 5}, "callbacks must be a list"),
        ({"batchnorm": "yes"}, "batchnorm must be True or False"),
        ({"record": -1}, "record must be a whole number >= 0"),
    ],
)
def test_settings_that_are_none_are_named(options, said):
    with pytest.raises(nn.ConfigError, match=said):
        classifier(**options).fit(X, NAMES)
    classifier(epochs=1, hidden=np.array([3, 3]), callbacks=(), batchnorm=True).fit(X, NAMES)
    classifier(epochs=1, build=lambda n, m: (nn.Dense(n, m),)).fit(X, NAMES)


def test_what_was_not_recorded_is_not_found():
    for name in ("findings_", "loss_curve_", "n_iter_"):
        with pytest.raises(NotFittedError, match="not fitted yet"):
            getattr(classifier(), name)
    with pytest.raises(AttributeError, match="record=0 keeps no record"):
        _ = classifier(record=0, epochs=1).fit(X, NAMES).findings_
    with pytest.raises(nn.DataError, match="X holds 1e\\+300, beyond the range of float32"):
        classifier(epochs=1).fit(X.astype(np.float32), NAMES).predict(X + 1e300)


def test_labels_may_be_sparse():
    labels = np.stack([X[:, 0] > 0, X[:, 1] > 0], axis=1).astype(int)
    dense, sparse = classifier(epochs=3), classifier(epochs=3)
    dense.fit(X, labels)
    sparse.fit(X, csr_array(labels))
    assert (dense.predict_proba(X) == sparse.predict_proba(X)).all()
