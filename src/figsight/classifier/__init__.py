"""A bundle as a function: photo in, named prediction out; never imports torch."""

from figsight.classifier.model import Classifier, load
from figsight.classifier.results import Outputs, Prediction, Ranked

__all__ = ["Classifier", "Outputs", "Prediction", "Ranked", "load"]
