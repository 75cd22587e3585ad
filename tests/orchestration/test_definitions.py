"""What the code location offers: a change of these names is a change for everybody who uses them."""

import json
from datetime import UTC, datetime

import dagster as dg
import pytest
from dagster._core.definitions.repository_definition import RepositoryDefinition

from ml.features import FEATURE_NAMES
from orchestration.lib.dbt_facts import column_meanings
from orchestration.prepare import MANIFEST, prepare

RECONCILED = {
    "raw/sync_log", "raw/sync_request", "raw/conflict_resolution", "raw/edit_session_event", "raw/prediction_log",
    "raw/tenant", "raw/tenant_conflict_policy", "raw/replay_anchor", "raw/device",
}  # fmt: skip
INGESTED = {*RECONCILED, "raw/lake_coverage"}
ASSETS = {
    "ingest": INGESTED,
    "staging": {
        "staging/stg_sync__changes", "staging/stg_sync__requests", "staging/stg_sync__conflicts",
        "staging/stg_sync__edit_events", "staging/stg_sync__predictions", "staging/stg_sync__tenants",
        "staging/stg_sync__devices", "staging/stg_sync__conflict_policies", "staging/stg_sync__replay_anchors",
        "staging/stg_sync__lake_coverage",
    },
    "intermediate": {
        "intermediate/int_tenants", "intermediate/int_records", "intermediate/int_users",
        "intermediate/int_record_users", "intermediate/int_days",
        "intermediate/int_event_numbers", "intermediate/int_type_fields", "intermediate/int_event_touches",
        "intermediate/int_event_words", "intermediate/int_moment_numbers", "intermediate/int_events",
        "intermediate/int_event_fields", "intermediate/int_presence_intervals", "intermediate/int_moments",
        "intermediate/int_moment_type_events", "intermediate/int_moment_user_events",
        "intermediate/int_moment_record_events", "intermediate/int_moment_own_events",
        "intermediate/int_moment_editors", "intermediate/int_moment_windows", "intermediate/int_moment_past",
        "intermediate/int_moment_words", "intermediate/int_moment_further", "intermediate/int_asked_again",
        "intermediate/int_moment_announcements",
        "intermediate/int_log", "intermediate/int_changes", "intermediate/int_edit_events",
        "intermediate/int_questions", "intermediate/int_open_days", "intermediate/int_reach",
        "intermediate/int_record_events", "intermediate/int_user_events", "intermediate/int_type_events",
        "intermediate/int_record_days", "intermediate/int_user_days", "intermediate/int_type_days",
        "intermediate/int_moment_edits", "intermediate/int_moment_open_edits", "intermediate/int_moment_versions",
        "intermediate/int_question_edits", "intermediate/int_moment_open_counts", "intermediate/int_moment_other_edits",
        "intermediate/int_record_rates", "intermediate/int_type_rates", "intermediate/int_tenant_rates",
        "intermediate/int_pushes", "intermediate/int_moment_record_conflicts", "intermediate/int_moment_recent_events",
        "intermediate/int_moment_recent_conflicts", "intermediate/int_moment_type_rates",
        "intermediate/int_moment_tenant_rates", "intermediate/int_moment_tenant_pushes",
        "intermediate/int_moment_user_pushes", "intermediate/int_moment_rates",
        "intermediate/int_moment_ages", "intermediate/int_moment_five", "intermediate/int_field_sets",
    },
    "features": {"features/conflict_features", "features/training_examples"},
    "marts": {
        "marts/fct_sync_analytics_snapshot", "marts/fct_conflict_resolution_report", "marts/dim_device_health",
        "marts/fct_prediction_outcomes",
    },
    "monitoring": {"monitoring/fct_prediction_parity"},
    "training": {"training_set", "challenger"},
    "promotion": {"champion"},
    "model_monitoring": {
        "model_monitoring/answer_quality", "model_monitoring/batch_quality", "model_monitoring/feature_drift",
        "model_monitoring/training_need",
    },
    "retention": {"retention"},
    "publishing": {"published/sync_analytics_snapshot", "published/sync_device_health"},
}  # fmt: skip
READS_OR_WRITES_THE_WAREHOUSE = ("staging", "intermediate", "features", "marts", "monitoring", "publishing")


@pytest.fixture(scope="module")
def repository() -> RepositoryDefinition:
    prepare()
    from orchestration.definitions import defs

    return defs().get_repository_def()


@pytest.fixture(scope="module")
def specs(repository: RepositoryDefinition) -> list[dg.AssetSpec]:
    return [spec for assets in repository.assets_defs_by_key.values() for spec in assets.specs]


def test_the_assets_by_group(specs: list[dg.AssetSpec]) -> None:
    groups: dict[str, set[str]] = {}
    for spec in specs:
        groups.setdefault(str(spec.group_name), set()).add(spec.key.to_user_string())

    assert groups == ASSETS


def test_the_jobs_and_schedules(repository: RepositoryDefinition) -> None:
    ours = {"main_job", "nightly_job", "training_job", "snapshot_job", "retention_job"}
    assert set(repository.job_names) == {*ours, "__ASSET_JOB"}
    assert {s.name: (s.job_name, s.cron_schedule, s.execution_timezone) for s in repository.schedule_defs} == {
        "daily": ("nightly_job", "15 2 * * *", "UTC"),
        "weekly_training": ("training_job", "15 5 * * 0", "UTC"),
        "nightly_retention": ("retention_job", "45 3 * * *", "UTC"),
    }


def test_the_nights_train_nothing_and_leave_out_nothing_else(repository: RepositoryDefinition) -> None:
    whole, night, training = (
        repository.get_job(name).asset_layer for name in ("main_job", "nightly_job", "training_job")
    )
    trains = {dg.AssetKey("challenger"), dg.AssetKey("champion")}
    gate = dg.AssetCheckKey(dg.AssetKey("challenger"), "gate_check")

    assert set(whole.executable_asset_keys) - set(night.executable_asset_keys) == trains
    assert set(training.executable_asset_keys) == {*trains, dg.AssetKey("training_set")}
    assert gate in whole.asset_graph.asset_check_keys & training.asset_graph.asset_check_keys
    assert gate not in night.asset_graph.asset_check_keys


def test_one_training_at_a_time(repository: RepositoryDefinition) -> None:
    challenger = repository.assets_defs_by_key[dg.AssetKey("challenger")]

    assert {op.pool for op in challenger.node_def.iterate_op_defs()} == {"training"}


def test_every_night_copies_the_last_days_again(repository: RepositoryDefinition) -> None:
    night = dg.build_schedule_context(scheduled_execution_time=datetime(2026, 11, 21, 2, 15, tzinfo=UTC))

    (request,) = repository.get_schedule_def("daily").evaluate_tick(night).run_requests

    assert request.run_key == "2026-11-21"
    assert request.tags["dagster/asset_partition_range_start"] == "2026-11-19"
    assert request.tags["dagster/asset_partition_range_end"] == "2026-11-21"


def test_every_asset_says_what_it_is_and_whose(specs: list[dg.AssetSpec]) -> None:
    assert [s.key.to_user_string() for s in specs if not (s.description and s.owners and s.kinds)] == []


def test_nothing_opens_the_warehouse_beside_a_writer(repository: RepositoryDefinition) -> None:
    outside = {
        key.to_user_string()
        for key, assets in repository.assets_defs_by_key.items()
        if (key.path[0] in READS_OR_WRITES_THE_WAREHOUSE or key.path == ["training_set"])
        and {op.pool for op in assets.node_def.iterate_op_defs()} != {"duckdb"}
    }

    assert outside == set()


def test_daily_tables_reach_from_the_first_day_to_today_in_one_run(specs: list[dg.AssetSpec]) -> None:
    from orchestration.partitions import DAYS

    daily = {s.key.to_user_string() for s in specs if s.partitions_def is not None}

    assert daily == {name for name in INGESTED if name.split("/")[1] in (
        "sync_log", "sync_request", "conflict_resolution", "edit_session_event", "prediction_log", "lake_coverage"
    )}  # fmt: skip
    assert all(s.partitions_def == DAYS for s in specs if s.partitions_def is not None)
    assert DAYS.end_offset == 1


def test_a_backfill_of_days_reaches_every_daily_table(repository: RepositoryDefinition) -> None:
    graph = repository.asset_graph
    daily = {key for key in graph.materializable_asset_keys if graph.get(key).is_partitioned}

    # Dagster walks from day to day, and silently leaves out what it would only come to by way of an asset without any
    assert {parent for key in daily for parent in graph.get(key).parent_keys} <= daily
    assert all(graph.get(key).backfill_policy == dg.BackfillPolicy.single_run() for key in daily)


def test_every_table_is_reconciled_and_the_gate_blocks(repository: RepositoryDefinition) -> None:
    checks = {
        (spec.asset_key.to_user_string(), spec.name): spec
        for assets in repository.asset_checks_defs_by_key.values()
        for spec in assets.check_specs
    }

    assert {asset for asset, name in checks if name == "rows_match_postgres"} == RECONCILED
    assert checks["challenger", "gate_check"].blocking
    assert not checks["monitoring/fct_prediction_parity", "online_equals_offline"].blocking


def test_what_is_watched_of_the_model_warns_and_blocks_nothing(repository: RepositoryDefinition) -> None:
    watched = {
        spec.asset_key.to_user_string(): spec
        for checks in repository.asset_checks_defs_by_key.values()
        for spec in checks.check_specs
        if spec.asset_key.path[0] == "model_monitoring"
    }

    assert watched.keys() == ASSETS["model_monitoring"] - {"model_monitoring/training_need"}
    assert not any(spec.blocking for spec in watched.values())


def test_what_an_answer_had_seen_is_copied_after_it(repository: RepositoryDefinition) -> None:
    graph = repository.asset_graph

    for table in ("sync_log", "edit_session_event"):
        assert dg.AssetKey(["raw", "prediction_log"]) in graph.get_ancestor_asset_keys(dg.AssetKey(["raw", table]))


def test_dbt_tests_are_checks_of_their_models(repository: RepositoryDefinition) -> None:
    checked = {key.asset_key.to_user_string() for key in repository.asset_graph.asset_check_keys}

    assert checked >= set().union(
        *(ASSETS[group] for group in ("staging", "intermediate", "features", "marts", "monitoring"))
    )


def test_files_are_told_in_the_words_of_the_models_that_read_or_made_them() -> None:
    manifest = json.loads(prepare().read_text())

    assert column_meanings(manifest, "sync_log")["seq"] == "Place in the tenant's clock; number order is commit order."
    assert column_meanings(manifest, "device").keys() >= {"tenant_id", "device_id", "user_id"}
    assert column_meanings(manifest, "training_examples").keys() > {*FEATURE_NAMES}


def test_the_project_is_parsed_only_when_it_changed() -> None:
    parsed_at = prepare().stat().st_mtime

    assert prepare() == MANIFEST
    assert MANIFEST.stat().st_mtime == parsed_at
