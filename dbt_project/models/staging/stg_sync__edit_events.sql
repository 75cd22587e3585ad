{{ edit_events_of(source('sync', 'edit_session_event')) }}
