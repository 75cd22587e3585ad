{{ changes_of(source('sync', 'sync_log')) }}
