//! What executes casts, as rows beside them. It knows reasons and runs; it must never know what a cast came to.

use super::Failure;
use crate::columns::{Place, saturating};
use rusqlite::{Connection, Row, params};
use spell_cast::{CONFIGURED_FOR_WASM, EngineChoice, WorkflowRun};

/// The columns that [`read`] reads, for a table `casts` that is joined with [`JOINED`].
pub(super) const COLUMNS: &str = "reason AS engine_reason, workflow, run_id, run_url";
/// What a selection from `casts` is joined with for them.
pub(super) const JOINED: &str = "casts LEFT JOIN cast_engines ON cast_engines.cast_id = casts.id";

/// Records what executes a cast, and why. Of what this host alone executes nothing is written.
pub(super) fn keep(connection: &Connection, id: &str, reason: &str, run: Option<&WorkflowRun>) -> Result<(), Failure> {
    if reason == CONFIGURED_FOR_WASM && run.is_none() {
        return Ok(());
    }
    let sql = "INSERT OR REPLACE INTO cast_engines (cast_id, reason, workflow, run_id, run_url) VALUES (?1, ?2, ?3, ?4, ?5)";
    let workflow = run.map(|run| Place(run.workflow.clone()));
    let (run_id, run_url) = (run.and_then(|run| run.id).map(|id| saturating(id.into())), run.and_then(|run| run.url.as_deref()));
    connection.prepare_cached(sql)?.execute(params![id, reason, workflow, run_id, run_url])?;
    Ok(())
}

/// Says anew what executes a cast.
pub(super) fn note(
    connection: &Connection,
    id: &str,
    engine: EngineChoice,
    reason: &str,
    run: Option<&WorkflowRun>,
) -> Result<(), Failure> {
    connection.prepare_cached("UPDATE casts SET engine = ?2 WHERE id = ?1")?.execute([id, engine.name()])?;
    keep(connection, id, reason, run)
}

/// Why a cast is executed by what executes it, and its run.
pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<(String, Option<WorkflowRun>)> {
    let reason = row.get::<_, Option<String>>("engine_reason")?.unwrap_or_else(|| CONFIGURED_FOR_WASM.to_owned());
    let Some(Place(workflow)) = row.get("workflow")? else { return Ok((reason, None)) };
    let id = row.get::<_, Option<i64>>("run_id")?.map(i64::unsigned_abs);
    Ok((reason, Some(WorkflowRun { workflow, id, url: row.get("run_url")? })))
}
