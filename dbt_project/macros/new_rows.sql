{#-
  Where rows may be that the models have not got yet: a staging model of the log, or what it would be of a part of its
  source that holds all that is new. `since` is a relation of tenant_id and the seq before which nothing is new; without one,
  all is looked at.
-#}
{% macro possibly_new(staging, since=none) -%}
    {%- set all = ref(staging) -%}
    {%- if not is_day_build() -%}{{ return(all) }}{%- endif -%}
    {%- set table, rows_of = {
        'stg_sync__changes': ('sync_log', changes_of),
        'stg_sync__edit_events': ('edit_session_event', edit_events_of),
        'stg_sync__predictions': ('prediction_log', predictions_of),
    }[staging] -%}
    {{ return('(' ~ rows_of(adapter.dispatch('part_of_source', 'foresync')(table, since)) ~ ')') }}
{%- endmacro %}

{% macro default__part_of_source(table, since) -%}
    {%- set rows = source('sync', table) -%}
    {%- if not since -%}{{ return(rows) }}{%- endif -%}
    (
        select log.*
        from {{ rows }} as log
        left join {{ since }} as since on log.tenant_id = since.tenant_id
        where since.seq is null or log.seq >= since.seq
    )
{%- endmacro %}

{#- In the lake, the files that are not what they were when the last finished run began. -#}
{% macro duckdb__part_of_source(table, since) -%}
    {%- set changed = files_changed(table) -%}
    {%- if not changed -%}{{ return('(select * from ' ~ source('sync', table) ~ ' where false)') }}{%- endif -%}
    {{ return('read_parquet([' ~ changed | join(', ') ~ '], hive_partitioning = true, union_by_name = true)') }}
{%- endmacro %}

{#- The second in which a file was listed may hold a later writing of it. -#}
{% macro files_changed(table) -%}
    {%- set listed, held = note_of_files('listed'), note_of_files('held') -%}
    {%- set found = run_query(
        "select '''' || replace(listed.file, '''', '''''') || '''' from " ~ listed ~ " as listed left join " ~ held ~ " as held using (file)"
        ~ " where listed.source_table = '" ~ table ~ "' and (held.file is null or held.size <> listed.size"
        ~ " or held.modified_at <> listed.modified_at"
        ~ " or listed.modified_at >= held.listed_at - interval 2 second or listed.file like '%__HIVE_DEFAULT_PARTITION__%') order by 1"
    ) -%}
    {{ return(found.columns[0].values() | list) }}
{%- endmacro %}

{% macro note_of_files(which) %}{{ return(finished_build().incorporate(path={'identifier': 'lake_files_' ~ which})) }}{% endmacro %}

{#- Which files of the log there are, when a run begins. -#}
{% macro note_files() %}{{ return(adapter.dispatch('note_files', 'foresync')()) }}{% endmacro %}

{% macro default__note_files() %}{% endmacro %}

{% macro duckdb__note_files() -%}
    {%- set root = env_var('FORESYNC_LAKE_URL', 'file:///nowhere') ~ '/raw/' -%}
    {%- set parts = [] -%}
    {%- for table in tables_of_the_log() -%}
        {%- do parts.append(
            "select '" ~ table ~ "' as source_table, filename as file, size, last_modified as modified_at, get_current_timestamp() as listed_at"
            ~ " from read_blob('" ~ root ~ table ~ "/day=*/part.parquet')"
        ) -%}
    {%- endfor -%}
    {%- do run_query('create or replace table ' ~ note_of_files('listed') ~ ' as ' ~ parts | join(' union all ')) -%}
    {%- do run_query('create table if not exists ' ~ note_of_files('held') ~ ' as from ' ~ note_of_files('listed') ~ ' where false') -%}
{%- endmacro %}

{#- When it is finished: they are held, but for those with rows that are beyond what is held of their tenants. -#}
{% macro keep_note_of_files() %}{{ return(adapter.dispatch('keep_note_of_files', 'foresync')()) }}{% endmacro %}

{% macro default__keep_note_of_files() %}{% endmacro %}

{% macro duckdb__keep_note_of_files() -%}
    {%- set beyond = [] -%}
    {%- for table in tables_of_the_log() -%}
        {%- set changed = files_changed(table) -%}
        {%- if changed -%}
            {%- do beyond.append(
                'select filename from read_parquet([' ~ changed | join(', ') ~ '], filename = true, union_by_name = true) as log'
                ~ ' left join ' ~ table_of('int_tenants') ~ ' as tenants using (tenant_id)'
                ~ ' where log.' ~ ('as_of_seq' if table == 'prediction_log' else 'seq') ~ ' > coalesce(tenants.held_to_seq, -1)'
            ) -%}
        {%- endif -%}
    {%- endfor -%}
    create or replace table {{ note_of_files('held') }} as
    from {{ note_of_files('listed') }}
    {%- if beyond %} where file not in ({{ beyond | join(' union all ') }}){% endif %};
{%- endmacro %}

{% macro tables_of_the_log() %}{{ return(['sync_log', 'edit_session_event', 'prediction_log']) }}{% endmacro %}

{#- Rows of changes and presence, as far as they are held, that `log` does not have yet; without it, all. -#}
{% macro new_rows_of_the_log(days=none, log=none) -%}
    {%- set since -%}
        (
            select
                tenants.tenant_id,
                max(days.last_no) - max(tenants.tenant_no) * {{ seqs_of_a_tenant() }} + 1 as seq
            from {{ days }} as days
            inner join {{ ref('int_tenants') }} as tenants on days.tenant_no = tenants.tenant_no
            group by tenants.tenant_id
        )
    {%- endset -%}
    {%- set found -%}
        select
            tenants.tenant_no,
            {{ row_number_in('tenants.tenant_no', 'log.seq') }} as row_no,
            log.received_at
        from (
            select
                tenant_id,
                seq,
                received_at
            from {{ possibly_new('stg_sync__changes', since) }} as changes
            union all
            select
                tenant_id,
                seq,
                received_at
            from {{ possibly_new('stg_sync__edit_events', since) }} as edit_events
        ) as log
        inner join {{ ref('int_tenants') }} as tenants on log.tenant_id = tenants.tenant_id
        where log.seq <= tenants.held_to_seq
    {%- endset -%}
    {%- if log %}
    with found as (

        {{ found }}

    ),

    -- none of those behind the last row that is held
    possibly_known as (

        select found.row_no
        from found
        inner join (
            select
                tenant_no,
                max(last_no) as last_no
            from {{ days }}
            group by tenant_no
        ) as held on found.tenant_no = held.tenant_no
        where found.row_no <= held.last_no

    )

    select found.*
    from found
    left join (
        select log.row_no
        from {{ log }} as log
        inner join possibly_known on log.row_no = possibly_known.row_no
    ) as known on found.row_no = known.row_no
    where known.row_no is null
    {%- else %}
    {{ found }}
    {%- endif %}
{%- endmacro %}
