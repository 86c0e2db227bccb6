//! What the record of executions says, summed up. It reads `metrics.db`, also while a host writes to it; it must never write.

use crate::StoreError;
use crate::metrics::{EXECUTIONS_MAX, METRICS_DB};
use crate::percentile::percentile;
use rusqlite::{Connection, Row, Transaction};
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

/// Everything that is recorded, or that part of it which was asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stats {
    /// Executions ever recorded, of the components below.
    pub count: u64,
    /// Executions that happened but could not be recorded, of all components.
    pub dropped: u64,
    /// One entry per component, in order of their names.
    pub components: Vec<ComponentStats>,
}

/// What is recorded of one component.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ComponentStats {
    /// Its name.
    pub component: String,
    /// Executions ever recorded.
    pub count: u64,
    /// How many ended how, by the permanent name of the outcome and in order of these names.
    pub outcomes: Vec<(String, u64)>,
    /// Wall time in microseconds; the maximum is of all executions ever recorded.
    pub wall_us: Quantiles,
    /// CPU time in microseconds; the maximum is of all executions ever recorded.
    pub cpu_us: Quantiles,
    /// Most linear memory at once, in bytes; the maximum is of all executions ever recorded.
    pub memory_bytes_peak: Quantiles,
    /// CPU time of all executions ever recorded, in microseconds.
    pub cpu_us_total: u64,
    /// Fuel burnt by all executions ever recorded.
    pub fuel_total: u64,
    /// Bytes of request bodies of all executions ever recorded.
    pub bytes_in: u64,
    /// Bytes of response bodies of all executions ever recorded.
    pub bytes_out: u64,
    /// How many executions, the newest ones, the quantiles are taken from.
    pub sampled: u64,
}

/// Values that 50, 95 and 99 of 100 executions do not exceed, and the largest.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Quantiles {
    /// The median.
    pub p50: u64,
    /// The 95th percentile.
    pub p95: u64,
    /// The 99th percentile.
    pub p99: u64,
    /// The maximum.
    pub max: u64,
}

/// Sums up the record in a state directory: all of it, or one component. Works beside a running host, and after a killed one.
pub fn stats(state_dir: &Path, component: Option<&str>) -> Result<Stats, StoreError> {
    let path = METRICS_DB.path(state_dir);
    match path.try_exists() {
        Ok(true) => {}
        Ok(false) => return Err(StoreError::NothingRecorded { path }),
        Err(source) => return Err(StoreError::Path { path, source }),
    }
    let mut connection = METRICS_DB.open_read_only(state_dir)?;
    let names = component_names(&connection).map_err(|source| METRICS_DB.failed(&path, source))?;
    if let Some(name) = component
        && !names.values().any(|known| known == name)
    {
        let mut known: Vec<String> = names.into_values().collect();
        known.sort_unstable();
        return Err(StoreError::UnknownComponent { component: name.to_owned(), known });
    }
    let wanted = names.into_iter().filter(|(_, name)| component.is_none_or(|component| component == name)).collect();
    summed_up(&mut connection, wanted).map_err(|source| METRICS_DB.failed(&path, source))
}

fn component_names(connection: &Connection) -> rusqlite::Result<HashMap<i64, String>> {
    connection.prepare("SELECT id, name FROM components")?.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}

/// Reads everything in one transaction, so that the numbers belong to one moment.
fn summed_up(connection: &mut Connection, wanted: HashMap<i64, String>) -> rusqlite::Result<Stats> {
    let transaction = connection.transaction()?;
    let mut components: BTreeMap<i64, ComponentStats> = BTreeMap::new();
    for (id, component) in wanted {
        components.insert(id, ComponentStats { component, ..ComponentStats::default() });
    }
    add_totals(&transaction, &mut components)?;
    add_quantiles(&transaction, &mut components)?;
    let dropped = transaction.query_row("SELECT executions FROM dropped", [], |row| number(row, 0))?;
    let mut components: Vec<_> = components.into_values().collect();
    components.sort_unstable_by(|left, right| left.component.cmp(&right.component));
    let count = components.iter().fold(0_u64, |sum, component| sum.saturating_add(component.count));
    Ok(Stats { count, dropped, components })
}

fn add_totals(transaction: &Transaction<'_>, components: &mut BTreeMap<i64, ComponentStats>) -> rusqlite::Result<()> {
    let mut select = transaction.prepare(
        "SELECT component_id, outcomes.name, executions, cpu_us, fuel, bytes_in, bytes_out, wall_us_max, cpu_us_max, memory_bytes_peak_max
         FROM totals JOIN outcomes ON outcomes.id = outcome_id ORDER BY outcomes.name",
    )?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let Some(stats) = components.get_mut(&row.get(0)?) else { continue };
        let count = number(row, 2)?;
        stats.outcomes.push((row.get(1)?, count));
        stats.count = stats.count.saturating_add(count);
        stats.cpu_us_total = stats.cpu_us_total.saturating_add(number(row, 3)?);
        stats.fuel_total = stats.fuel_total.saturating_add(number(row, 4)?);
        stats.bytes_in = stats.bytes_in.saturating_add(number(row, 5)?);
        stats.bytes_out = stats.bytes_out.saturating_add(number(row, 6)?);
        stats.wall_us.max = stats.wall_us.max.max(number(row, 7)?);
        stats.cpu_us.max = stats.cpu_us.max.max(number(row, 8)?);
        stats.memory_bytes_peak.max = stats.memory_bytes_peak.max.max(number(row, 9)?);
    }
    Ok(())
}

/// The columns of one component that quantiles are taken from.
#[derive(Default)]
struct Sample {
    wall_us: Vec<u64>,
    cpu_us: Vec<u64>,
    memory_bytes_peak: Vec<u64>,
}

fn add_quantiles(transaction: &Transaction<'_>, components: &mut BTreeMap<i64, ComponentStats>) -> rusqlite::Result<()> {
    let mut samples: HashMap<i64, Sample> = HashMap::new();
    // The limit bounds memory: 24 bytes for each row.
    let mut select =
        transaction.prepare("SELECT component_id, wall_us, cpu_us, memory_bytes_peak FROM executions ORDER BY id DESC LIMIT ?1")?;
    let mut rows = select.query([i64::try_from(EXECUTIONS_MAX).unwrap_or(i64::MAX)])?;
    while let Some(row) = rows.next()? {
        let id = row.get(0)?;
        if components.contains_key(&id) {
            let sample = samples.entry(id).or_default();
            sample.wall_us.push(number(row, 1)?);
            sample.cpu_us.push(number(row, 2)?);
            sample.memory_bytes_peak.push(number(row, 3)?);
        }
    }
    for (id, mut sample) in samples {
        let Some(stats) = components.get_mut(&id) else { continue };
        stats.sampled = sample.wall_us.len() as u64;
        stats.wall_us.fill(&mut sample.wall_us);
        stats.cpu_us.fill(&mut sample.cpu_us);
        stats.memory_bytes_peak.fill(&mut sample.memory_bytes_peak);
    }
    Ok(())
}

/// A column that holds no negative numbers.
fn number(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    Ok(u64::try_from(row.get::<_, i64>(column)?).unwrap_or(0))
}

impl Quantiles {
    /// Takes the percentiles from the values, which lose their order.
    fn fill(&mut self, values: &mut [u64]) {
        self.p50 = percentile(values, 50);
        self.p95 = percentile(values, 95);
        self.p99 = percentile(values, 99);
    }
}
