{{ predictions_of(source('sync', 'prediction_log')) }}
