select
    tenant_id,
    held_to_seq,
    missing_from_seq
from ({{ coverage() }}) as coverage
