{#-
  Building day by day. A run finds the tenants' days in which rows came since the last finished one (`int_open_days`);
  models write those days and leave all others as they are. What was not finished stays open: a run that was killed,
  or that left out models that are there, is followed by one that does its days again.
-#}

{#- Everything is built: because it was asked for, or because no build of these very models was ever finished. -#}
{% macro is_whole_build() -%}
    {%- if not execute or flags.FULL_REFRESH -%}{{ return(true) }}{%- endif -%}
    {{ return(adapter.dispatch('is_whole_build', 'foresync')()) }}
{%- endmacro %}

{% macro default__is_whole_build() -%}
    {%- set place = finished_build() -%}
    {%- set found = run_query(
        "select count(*) from information_schema.tables where table_schema = '" ~ place.schema ~ "' and table_name = '" ~ place.identifier ~ "'"
    ) -%}
    {{ return(found.rows[0][0] == 0) }}
{%- endmacro %}

{#- A session's tables are files, which know no delete. -#}
{% macro spark__is_whole_build() %}{{ return(true) }}{% endmacro %}

{#- dbt asks this before it decides how to write an incremental model. -#}
{% macro should_full_refresh() %}{{ return(is_whole_build()) }}{% endmacro %}

{#- This model writes open days alone. -#}
{% macro is_day_build() -%}
    {#- a unit test has no table, and looks at all that it is given -#}
    {%- if not execute or not this -%}{{ return(false) }}{%- endif -%}
    {#- asked once a model -#}
    {%- if model.is_day_build is not defined -%}
        {%- do model.update({'is_day_build': not is_whole_build() if model.config.materialized == 'table' else is_incremental()}) -%}
    {%- endif -%}
    {{ return(model.is_day_build) }}
{%- endmacro %}

{% macro finished_build() %}{{ return(api.Relation.create(database=target.database, schema=target.schema, identifier='finished_build')) }}{% endmacro %}

{#- Another model's table as an earlier run left it: for what stands before that model in this one. -#}
{% macro as_left(name) %}{{ return(this.incorporate(path={'identifier': name})) }}{% endmacro %}

{#- What the next run counts on from: by any, and by a model itself. -#}
{% macro counted_on_from() %}{{ return(['int_log', 'int_days', 'int_questions']) }}{% endmacro %}

{% macro counted_on_from_by() -%}
    {{ return({'int_record_events': 'int_record_days', 'int_user_events': 'int_user_days', 'int_type_events': 'int_type_days'}) }}
{%- endmacro %}

{#- A model's table, for whom it is no ancestor of. -#}
{% macro table_of(name) -%}
    {%- set node = graph.nodes.values() | selectattr('resource_type', 'equalto', 'model') | selectattr('name', 'equalto', name) | first -%}
    {{ return(api.Relation.create(database=node.database, schema=node.schema, identifier=node.alias)) }}
{%- endmacro %}

{% macro before_a_run() -%}
    {%- if execute and flags.WHICH in ('run', 'build') -%}{{ return(adapter.dispatch('before_a_run', 'foresync')()) }}{%- endif -%}
{%- endmacro %}

{% macro default__before_a_run() -%}
    {%- do run_query('create schema if not exists ' ~ target.schema) -%}
    {%- if flags.FULL_REFRESH or not is_finished_by_these_models() -%}
        {#- until this one is finished, there is none -#}
        {%- do run_query('drop table if exists ' ~ finished_build()) -%}
    {%- endif -%}
    {%- do note_files() -%}
    {%- do keep() -%}
{%- endmacro %}

{#- psycopg has begun a transaction by itself. -#}
{% macro keep() %}{{ return(adapter.dispatch('keep', 'foresync')()) }}{% endmacro %}

{% macro default__keep() %}{% do run_query('commit') %}{% endmacro %}

{% macro duckdb__keep() %}{% endmacro %}

{% macro spark__before_a_run() %}{% endmacro %}

{% macro is_finished_by_these_models() -%}
    {%- if is_whole_build() -%}{{ return(false) }}{%- endif -%}
    {{ return(run_query('select project from ' ~ finished_build()).rows[0][0] == digest_of_project()) }}
{%- endmacro %}

{#- Of every model and macro, and of the variables that they read. -#}
{% macro digest_of_project() -%}
    {%- set parts = [] -%}
    {%- for node in graph.nodes.values() if node.resource_type == 'model' -%}
        {%- do parts.append(node.unique_id ~ node.checksum.checksum) -%}
    {%- endfor -%}
    {%- for name, value in context.items() if value.macro is defined and value.macro.package_name == 'foresync' -%}
        {%- do parts.append(name ~ value.macro.macro_sql) -%}
    {%- endfor -%}
    {%- for name in ['presence_window_seconds', 'overlap_record_events', 'overlap_type_events', 'hours_since_last_sync_cap',
        'open_overlap_hours', 'edit_open_min_seconds', 'edit_open_max_seconds', 'record_conflict_days', 'record_event_days',
        'record_most_events', 'recent_pushes'] -%}
        {%- do parts.append(name ~ var(name)) -%}
    {%- endfor -%}
    {{ return(local_md5(parts | sort | join)) }}
{%- endmacro %}

{#-
  A run is finished when every incremental model was written in it that is there, and those that the next one counts on from.
  A warehouse of a few models only is kept by day, too; a model that comes to it later is built whole.
-#}
{% macro after_a_run(results) -%}
    {%- if execute and flags.WHICH in ('run', 'build') -%}
        {%- set written, wanted = [], counted_on_from() -%}
        {%- for result in results if result.status == 'success' -%}
            {%- do written.append(result.node.unique_id) -%}
            {%- do wanted.append(counted_on_from_by().get(result.node.name)) -%}
        {%- endfor -%}
        {%- set missing = [] -%}
        {%- for node in graph.nodes.values() if node.config.materialized == 'incremental' and node.unique_id not in written -%}
            {%- if node.name in wanted or adapter.get_relation(node.database, node.schema, node.alias) -%}
                {%- do missing.append(node.unique_id) -%}
            {%- endif -%}
        {%- endfor -%}
        {%- if not missing -%}{{ return(adapter.dispatch('finish', 'foresync')()) }}{%- endif -%}
    {%- endif -%}
{%- endmacro %}

{% macro default__finish() -%}
    begin;
    drop table if exists {{ finished_build() }};
    create table {{ finished_build() }} as select cast('{{ digest_of_project() }}' as {{ dbt.type_string() }}) as project;
    delete from {{ table_of('int_open_days') }};
    {{ keep_note_of_files() }}
    commit;
{%- endmacro %}

{% macro spark__finish() %}{% endmacro %}
