"""The features contract, datasets, splits, estimators, evaluation, the registry, the gate. Plain functions over data."""
