"""Initializers by name."""

from __future__ import annotations

from nnscratch.errors import ConfigError, require_name, shown
from nnscratch.initializers.base import Initializer
from nnscratch.initializers.distributions import Constant, Normal, Zeros
from nnscratch.initializers.orthogonal import Orthogonal
from nnscratch.initializers.recurrent import ScaledIdentity, SpectralRadius
from nnscratch.initializers.scaling import TF1VarianceScaling, VarianceScaling

_KNOWN: dict[str, Initializer] = {
    "zeros": Zeros(),
    "ones": Constant(1.0),
    "normal": Normal(),
    "glorot_standard_uniform": VarianceScaling(1.0 / 3.0, "fan_in", "uniform"),
    "glorot_normal": VarianceScaling(1.0, "fan_avg", "normal"),
    "glorot_uniform": VarianceScaling(1.0, "fan_avg", "uniform"),
    "simplified_normal": VarianceScaling(1.0, "fan_in", "normal"),
    "simplified_uniform": VarianceScaling(1.0, "fan_in", "uniform"),
    "lecun_normal": VarianceScaling(1.0, "fan_in", "normal"),
    "lecun_uniform": VarianceScaling(1.0, "fan_in", "uniform"),
    "he_normal": VarianceScaling(2.0, "fan_in", "normal"),
    "he_uniform": VarianceScaling(2.0, "fan_in", "uniform"),
    "he_normal_fan_out": VarianceScaling(2.0, "fan_out", "normal"),
    "he_uniform_fan_out": VarianceScaling(2.0, "fan_out", "uniform"),
    "he_normal_fan_avg": VarianceScaling(2.0, "fan_avg", "normal"),
    "he_uniform_fan_avg": VarianceScaling(2.0, "fan_avg", "uniform"),
    "tf1_variance_scaling": TF1VarianceScaling(2.0, "fan_in"),
    "orthogonal": Orthogonal(1.0),
    "identity": ScaledIdentity(1.0),
    "spectral_radius": SpectralRadius(0.95, 15),
}


def names() -> tuple[str, ...]:
    """Return the names that `get` knows."""
    return tuple(_KNOWN)


def get(initializer: str | Initializer) -> Initializer:
    """Return the initializer of that name, or `initializer` itself if it is one already.

    sigma is a standard deviation, r the bound of U[-r, r]; "fan average" is
    ``(n_in + n_out) / 2``:

    * ``zeros``, ``ones``;
    * ``normal``: N(0, 1), the habit whose effect on sigmoid networks the post shows;
    * ``glorot_standard_uniform``: r = 1/sqrt(n_in), n_in Var(w) = 1/3: the "standard"
      initialization that Glorot & Bengio 2010 criticise because it shrinks signals;
    * ``glorot_normal``, ``glorot_uniform``: sigma = sqrt(2/(n_in + n_out)),
      r = sqrt(6/(n_in + n_out)): their "normalized" initialization, also called Xavier;
    * ``simplified_normal``, ``simplified_uniform``: the post's simplified Glorot form,
      sigma = 1/sqrt(n_in), r = sqrt(3)/sqrt(n_in);
    * ``lecun_normal``, ``lecun_uniform``: the same numbers as the simplified form (LeCun et al.
      1998), the start that SELU was derived for (Klambauer et al. 2017). Both are plain, not
      truncated;
    * ``he_normal``, ``he_uniform``: sigma = sqrt(2/n_in), r = sqrt(6/n_in) (He et al. 2015);
      ``_fan_out`` has n_out instead, ``_fan_avg`` the average, which is the post's table;
    * ``tf1_variance_scaling``: `TF1VarianceScaling`, what the post's code runs;
    * ``orthogonal``: `Orthogonal` with gain 1;
    * ``identity``, ``spectral_radius``: `ScaledIdentity`, `SpectralRadius`, for recurrent weights.

    LSUV is not among them: it looks at data, see `lsuv`.

    Raises:
        ConfigError: the name is not known, or `initializer` is neither a name nor an Initializer.
    """
    if isinstance(initializer, Initializer):
        return initializer
    if not isinstance(initializer, str):
        raise ConfigError(
            f"initializer must be a name or an Initializer, got {shown(initializer)}: "
            f"names are {', '.join(sorted(_KNOWN))}"
        )
    require_name("initializer", initializer, _KNOWN)
    return _KNOWN[initializer]
