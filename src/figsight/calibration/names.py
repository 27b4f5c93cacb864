"""What the scores of strangeness are called, and what each needs besides logits.

Knows names, which bundles hold too. Does not know how a score is made.
"""

from __future__ import annotations

KNN = "knn"
"""The score that needs the embeddings of the training photos."""
STYLE_SCORE = "style_mahalanobis"
"""The score that needs styles, and what they are like on training photos."""
SCORES = (
    "max_softmax",
    "energy",
    "max_logit",
    KNN,
    "relative_mahalanobis",
    "whitened_cosine",
    "mean_cosine",
    STYLE_SCORE,
)
SPREADS = frozenset({"relative_mahalanobis", "whitened_cosine", "mean_cosine"})
"""The scores that need means and spreads of the embeddings."""
GAUSSIANS = ("within", "background")
"""The spreads that they need."""
GUARDS = frozenset({"mean_cosine", STYLE_SCORE})
"""Parts of a mixed score that count only where hardly any known photo lies, see ``combine``."""
