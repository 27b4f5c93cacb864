"""A bundle as a function: photo in, named prediction out; never imports torch.

results.py   what a model says of photos
memory.py    its training photos, ready to be searched
outputs.py   pixels through its network, one photo after another
rules.py     known or unknown, and sets of names
evidence.py  what speaks for a figure
ahead.py     many photos side by side, in order
model.py     all of these in order: ``Classifier``
opening.py   ``load``, here and where a classifier has been sent
"""

from figsight.classifier.model import Classifier
from figsight.classifier.opening import load
from figsight.classifier.results import Evidence, Neighbour, Outputs, Prediction, Ranked, Sought

__all__ = [
    "Classifier",
    "Evidence",
    "Neighbour",
    "Outputs",
    "Prediction",
    "Ranked",
    "Sought",
    "load",
]
