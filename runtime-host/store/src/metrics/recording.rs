//! The thread that writes executions, many in one transaction. It knows batches, retention and totals; it must never know who
//! sends the records.

use super::Message;
use super::names::Names;
use rusqlite::{Connection, Transaction, TransactionBehavior, params};
use spell_types::{ExecutionRecord, Outcome, Usage};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender};
use std::thread;
use std::time::{Duration, UNIX_EPOCH};

/// Rows in one transaction.
const BATCH_ROWS_MAX: usize = 8_192;
/// The longest a record waits for others before it is written.
const BATCH_WAIT: Duration = Duration::from_millis(100);
/// Rows after which another thread that wants the processor may have it.
const ROWS_AT_A_TIME: usize = 32;
/// Added to the nice value of the process: a tenth of the processor's time while requests want all of it, more than the rows need.
const NICENESS: i32 = 10;
/// Old rows deleted with one batch: more than a batch brings, so that any surplus melts away.
const ROWS_DELETED_MAX: u64 = 2 * BATCH_ROWS_MAX as u64;

/// All that the thread owns.
pub(super) struct Recording {
    connection: Connection,
    components: Names,
    routes: Names,
    outcomes: Names,
    /// Counts what is lost; read by the recorder.
    dropped: Arc<AtomicU64>,
    /// How many of them the file knows of.
    dropped_written: u64,
    executions_max: u64,
    /// Whether the last batch failed. A failure is logged when it begins, not for every batch.
    failing: bool,
}

impl Recording {
    pub(super) fn new(connection: Connection, dropped: Arc<AtomicU64>, executions_max: u64) -> Recording {
        let (components, routes, outcomes) = (Names::components(), Names::routes(), Names::outcomes());
        Recording { connection, components, routes, outcomes, dropped, dropped_written: 0, executions_max, failing: false }
    }

    /// Writes until the recorder is gone and its queue is empty.
    pub(super) fn run(mut self, inbox: &Receiver<Message>) {
        step_back();
        let mut batch = Vec::with_capacity(BATCH_ROWS_MAX);
        let mut backlog = false;
        while let Ok(first) = inbox.recv() {
            let mut flushed = sort_in(first, &mut batch);
            if flushed.is_none() && !backlog {
                // One sleep for many records: waiting in `recv` instead would wake this thread for every one of them.
                thread::park_timeout(BATCH_WAIT);
            }
            while flushed.is_none()
                && batch.len() < BATCH_ROWS_MAX
                && let Ok(message) = inbox.try_recv()
            {
                flushed = sort_in(message, &mut batch);
            }
            backlog = batch.len() == BATCH_ROWS_MAX;
            self.write(&batch);
            batch.clear();
            if let Some(done) = flushed {
                // The one who waited may have gone.
                let _ = done.try_send(());
            }
        }
    }

    fn write(&mut self, batch: &[ExecutionRecord]) {
        match self.try_write(batch) {
            Ok(()) => self.failing = false,
            Err(error) => {
                self.dropped.fetch_add(batch.len() as u64, Ordering::Relaxed);
                for names in [&mut self.components, &mut self.routes, &mut self.outcomes] {
                    names.forget();
                }
                if !self.failing {
                    tracing::error!(%error, executions = batch.len(), "executions cannot be recorded; they are counted as dropped");
                }
                self.failing = true;
            }
        }
    }

    fn try_write(&mut self, batch: &[ExecutionRecord]) -> rusqlite::Result<()> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut totals = HashMap::new();
        let mut insert = transaction.prepare_cached(INSERT_EXECUTION)?;
        for (index, record) in batch.iter().enumerate() {
            if index % ROWS_AT_A_TIME == ROWS_AT_A_TIME - 1 {
                thread::yield_now();
            }
            let row = Row::of(&record.usage);
            let component = self.components.id(&transaction, &record.component)?;
            let route = self.routes.id(&transaction, &record.route)?;
            let outcome = self.outcomes.id(&transaction, Outcome::name(record.outcome))?;
            let ended_at_ms = record.ended_at.duration_since(UNIX_EPOCH).map_or(0, |since| saturating(since.as_millis()));
            let Row { wall_us, cpu_us, fuel, memory_bytes_peak, bytes_in, bytes_out } = row;
            insert.execute(params![
                ended_at_ms,
                component,
                route,
                record.status,
                outcome,
                wall_us,
                cpu_us,
                fuel,
                memory_bytes_peak,
                bytes_in,
                bytes_out
            ])?;
            totals.entry((component, outcome)).or_insert_with(Totals::default).add(&row);
        }
        drop(insert);
        for (key, totals) in &totals {
            totals.write(&transaction, *key)?;
        }
        delete_oldest(&transaction, self.executions_max)?;
        let dropped = self.dropped.load(Ordering::Relaxed);
        write_dropped(&transaction, dropped.saturating_sub(self.dropped_written))?;
        transaction.commit()?;
        self.dropped_written = dropped;
        Ok(())
    }
}

/// Lets the threads that serve requests go first: whoever waits for rows to be written can wait a little longer. On Linux the nice value
/// belongs to the thread (setpriority(2)).
fn step_back() {
    use rustix::process::{getpriority_process, setpriority_process};
    if cfg!(target_os = "linux")
        && let Err(error) = getpriority_process(None).and_then(|niceness| setpriority_process(None, niceness + NICENESS))
    {
        tracing::debug!(%error, "executions are recorded at the same priority as requests are served");
    }
}

/// Puts a record into the batch; hands back whom to tell when the batch is written.
fn sort_in(message: Message, batch: &mut Vec<ExecutionRecord>) -> Option<SyncSender<()>> {
    match message {
        Message::Record(record) => {
            batch.push(record);
            None
        }
        Message::Flush(done) => Some(done),
    }
}

const INSERT_EXECUTION: &str = "INSERT INTO executions
    (ended_at_ms, component_id, route_id, status, outcome_id, wall_us, cpu_us, fuel, memory_bytes_peak, bytes_in, bytes_out)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";

/// Usage as SQLite keeps it: whole numbers up to `i64::MAX`, larger ones cut to that.
struct Row {
    wall_us: i64,
    cpu_us: i64,
    fuel: i64,
    memory_bytes_peak: i64,
    bytes_in: i64,
    bytes_out: i64,
}

impl Row {
    fn of(usage: &Usage) -> Row {
        Row {
            wall_us: saturating(usage.wall.as_micros()),
            cpu_us: saturating(usage.cpu.as_micros()),
            fuel: saturating(usage.fuel.into()),
            memory_bytes_peak: saturating(usage.memory_bytes_peak.into()),
            bytes_in: saturating(usage.bytes_in.into()),
            bytes_out: saturating(usage.bytes_out.into()),
        }
    }
}

/// What a batch adds to the totals of one component and outcome.
#[derive(Default)]
struct Totals {
    executions: i64,
    wall_us: i64,
    cpu_us: i64,
    fuel: i64,
    bytes_in: i64,
    bytes_out: i64,
    wall_us_max: i64,
    cpu_us_max: i64,
    memory_bytes_peak_max: i64,
}

impl Totals {
    fn add(&mut self, row: &Row) {
        self.executions += 1;
        self.wall_us = self.wall_us.saturating_add(row.wall_us);
        self.cpu_us = self.cpu_us.saturating_add(row.cpu_us);
        self.fuel = self.fuel.saturating_add(row.fuel);
        self.bytes_in = self.bytes_in.saturating_add(row.bytes_in);
        self.bytes_out = self.bytes_out.saturating_add(row.bytes_out);
        self.wall_us_max = self.wall_us_max.max(row.wall_us);
        self.cpu_us_max = self.cpu_us_max.max(row.cpu_us);
        self.memory_bytes_peak_max = self.memory_bytes_peak_max.max(row.memory_bytes_peak);
    }

    fn write(&self, transaction: &Transaction<'_>, (component, outcome): (i64, i64)) -> rusqlite::Result<()> {
        let sums = params![
            component,
            outcome,
            self.executions,
            self.wall_us,
            self.cpu_us,
            self.fuel,
            self.bytes_in,
            self.bytes_out,
            self.wall_us_max,
            self.cpu_us_max,
            self.memory_bytes_peak_max
        ];
        transaction.prepare_cached(ADD_TO_TOTALS)?.execute(sums).map(drop)
    }
}

/// A sum stops at the largest integer: SQLite would turn it into a float, which the strict column refuses for ever after.
const ADD_TO_TOTALS: &str = "INSERT INTO totals (component_id, outcome_id, executions, wall_us, cpu_us, fuel, bytes_in, bytes_out,
        wall_us_max, cpu_us_max, memory_bytes_peak_max)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
    ON CONFLICT DO UPDATE SET
        executions            = min(executions, 9223372036854775807 - excluded.executions) + excluded.executions,
        wall_us               = min(wall_us,    9223372036854775807 - excluded.wall_us)    + excluded.wall_us,
        cpu_us                = min(cpu_us,     9223372036854775807 - excluded.cpu_us)     + excluded.cpu_us,
        fuel                  = min(fuel,       9223372036854775807 - excluded.fuel)       + excluded.fuel,
        bytes_in              = min(bytes_in,   9223372036854775807 - excluded.bytes_in)   + excluded.bytes_in,
        bytes_out             = min(bytes_out,  9223372036854775807 - excluded.bytes_out)  + excluded.bytes_out,
        wall_us_max           = max(wall_us_max, excluded.wall_us_max),
        cpu_us_max            = max(cpu_us_max, excluded.cpu_us_max),
        memory_bytes_peak_max = max(memory_bytes_peak_max, excluded.memory_bytes_peak_max)";

/// Ids rise by one from row to row and the oldest go first, so the distance between the ends is the number of rows.
fn delete_oldest(transaction: &Transaction<'_>, executions_max: u64) -> rusqlite::Result<()> {
    let mut delete = transaction.prepare_cached(
        "DELETE FROM executions WHERE id <= min(
             (SELECT max(id) FROM executions) - ?1,
             (SELECT min(id) FROM executions) + ?2 - 1)",
    )?;
    delete.execute(params![saturating(executions_max.into()), saturating(ROWS_DELETED_MAX.into())]).map(drop)
}

fn write_dropped(transaction: &Transaction<'_>, more: u64) -> rusqlite::Result<()> {
    if more == 0 {
        return Ok(());
    }
    let mut update = transaction.prepare_cached("UPDATE dropped SET executions = executions + ?1")?;
    update.execute([saturating(more.into())]).map(drop)
}

fn saturating(number: u128) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
