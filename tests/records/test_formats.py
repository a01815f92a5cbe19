"""Records of format 2 are read: what their names say becomes data, what they do not is unknown."""

import numpy as np

from nnscratch_records import FIELDS, check_record, upgraded


def test_the_names_of_format_2_become_data(old_record, record):
    made = check_record(old_record)
    for name in ("kinds", "roles", "blocks", "depths", "edges", "gaps", "param_fan_in"):
        np.testing.assert_array_equal(made[name], record[name], err_msg=name)
    for name in ("param_layers", "param_roles"):
        np.testing.assert_array_equal(made[name], record[name], err_msg=name)
    assert made["format"] == 3
    assert list(old_record) == [name for name in FIELDS if name in old_record]


def test_what_format_2_did_not_measure_is_nan(old_record):
    made = check_record(old_record)
    for name in ("param_norm_initial", "param_mean_initial", "param_max_initial"):
        assert np.isnan(made[name]).all()
    relu = (made["kinds"] == "relu")[:, None] & [True, False]
    np.testing.assert_array_equal(made["saturation"], np.where(relu, 0, np.nan))


def test_layers_that_were_left_out_are_gaps(old_record):
    old_record["layers"] = np.array(["2.dense", "3.batchnorm", "6.relu", "7.dense"])
    old_record |= {"batchnorm_layers": ["3.batchnorm"], "census_layers": ["6.relu"]}
    assert check_record(old_record)["gaps"].tolist() == [2, 0, 2, 0]


def test_kinds_and_names_that_nobody_knows_are_opaque(old_record):
    names = ["0.dense", "1.conv2d", "encoder.fc0", "3.dense"]
    old_record |= {"layers": names, "batchnorm_layers": ["1.conv2d"], "census_layers": ["3.dense"]}
    made = check_record(old_record)
    assert made["roles"].tolist() == ["weights", "opaque", "opaque", "weights"]
    assert made["kinds"].tolist() == ["dense", "conv2d", "fc0", "dense"]
    assert made["param_layers"].tolist() == [0, 0, 1, 1, 3, 3]
    assert made["gaps"].tolist() == [0, 0, 0, 0]


def test_parameters_of_unknown_layers_have_no_owner(old_record):
    old_record["params"] = [f"fc{i}.weight" for i in range(6)]
    made = check_record(old_record)
    assert made["param_layers"].tolist() == [-1] * 6
    assert made["param_fan_in"].tolist() == [0] * 6


def test_a_record_of_this_format_stays_as_it_is(record):
    assert upgraded(record) == record
    record["kinds"] = np.array(["mine"] * 4)
    assert upgraded(record)["kinds"].tolist() == ["mine"] * 4
