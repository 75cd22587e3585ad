"""Models: the feature contract, datasets, splits, estimators, evaluation, the registry, the gate.

Plain functions over data; who runs them, and when, is not known here.
"""
