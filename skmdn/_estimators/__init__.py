"""What every estimator needs: the door for data and parameters, folds, inner estimators."""
