"""scikit-learn: networks as its estimators, which say why they do not train.

::

    from nnscratch.sklearn import NeuralClassifier

    network = make_pipeline(StandardScaler(), NeuralClassifier(hidden=(100, 100)))
    network.fit(x, y)                   # warns with the first finding, if there is a serious one
    network[-1].findings_, network[-1].flow_.plot()

Needs ``pip install 'nnscratch[sklearn]'``.
"""

from __future__ import annotations

from nnscratch.extras import missing

try:
    from sklearn.utils.validation import validate_data  # noqa: F401  (new in 1.6)
except ImportError as error:
    raise missing("nnscratch.sklearn", "sklearn", "scikit-learn 1.6 or newer") from error

from nnscratch.sklearn.estimators import NeuralClassifier, NeuralRegressor
from nnscratch.sklearn.network import FindingWarning

__all__ = ["FindingWarning", "NeuralClassifier", "NeuralRegressor"]
