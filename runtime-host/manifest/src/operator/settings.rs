//! The one table of the host's settings: where each is written, its unit, default, range and meaning.

use spell_types::Unit::{self, Bytes, Count, Microcents, Milliseconds};
use std::ops::RangeInclusive;
use std::time::Duration;

/// A number in the operator's file that is not a component's limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Setting {
    /// Requests at a time, all components together.
    Concurrency,
    /// Open inbound connections.
    Connections,
    /// The longest that a client may take for the head of a request, silence before it included.
    HeaderTime,
    /// The longest that running requests may take to end when the host stops.
    DrainTime,
    /// Bytes of the head of a request.
    HeaderBytes,
    /// Bytes of stack of an instance.
    StackBytes,
    /// Components whose code is kept ready.
    Loaded,
    /// Bytes of code that is kept ready.
    LoadedCode,
    /// The longest that code is kept ready without being asked for.
    LoadedTime,
    /// The longest that an outbound connection may take to open.
    ConnectTime,
    /// The longest wait for the first byte of an outbound response.
    FirstByteTime,
    /// The longest silence within an outbound response.
    OutboundIdleTime,
    /// Outbound connections of a component at a time.
    ConnectionsPerComponent,
    /// Bytes of an outbound response body.
    OutboundResponse,
    /// The longest that a query of a database or a message to a broker may take, its answer included.
    QueryTime,
    /// Bytes of the answer to a query.
    QueryBytes,
    /// Rows of the answer to a query.
    QueryRows,
    /// Memory that compiling a component may take.
    CompileMemory,
    /// CPU time that compiling a component may take.
    CompileCpuTime,
    /// The longest that compiling a component may take.
    CompileTime,
    /// Bytes of a log file before a new one is begun.
    LogBytesMax,
    /// Log files that are kept of a component, the one being written included.
    LogFilesMax,
    /// Casts of the platform at a time.
    CastConcurrency,
    /// The longest that a cast waits for a place to run.
    CastQueueTime,
    /// How long casts stay on record.
    CastRetention,
    /// Bytes that one cast may write to its `/tmp`.
    CastTmp,
    /// How long a delivery to a webhook that was not taken waits the first time.
    WebhookRetryFirst,
    /// What a second of a cast in this host costs.
    PriceWasmSecond,
    /// What a mebibyte of the most memory that a cast in this host had costs.
    PriceWasmMebibyte,
    /// What a cast in this host costs at least.
    PriceWasmMin,
    /// What a minute on GitHub's runners costs.
    PriceGithubMinute,
    /// What a cast on GitHub's runners costs at least.
    PriceGithubMin,
    /// Requests of an API key in a minute.
    RateKey,
    /// Requests of a tenant in a minute.
    RateTenant,
    /// Requests from an address in a minute.
    RateAddress,
    /// Requests without a valid API key from an address in a minute.
    RateWithoutKey,
    /// Spells of a tenant.
    QuotaSpells,
    /// Versions of a spell.
    QuotaVersions,
    /// Bytes of the programs of a tenant.
    QuotaStored,
    /// API keys of a tenant.
    QuotaKeys,
    /// Casts of a tenant at a time.
    QuotaRunning,
    /// Casts of a tenant in a day.
    QuotaCastsPerDay,
    /// Time between two questions about a run on GitHub at first.
    GithubPollInterval,
    /// The same, once it has grown.
    GithubPollIntervalMax,
    /// The longest that a run is looked for that was dispatched.
    GithubFindTime,
    /// Bytes of an artifact as it is downloaded.
    GithubArtifact,
    /// Runs on GitHub at a time.
    GithubRuns,
}

struct Row {
    setting: Setting,
    table: &'static str,
    key: &'static str,
    unit: Unit,
    default: u64,
    least: u64,
    most: u64,
    meaning: &'static str,
}

const COUNT: usize = 47;
const SECOND: u64 = 1_000;
const HOUR: u64 = 3_600 * SECOND;
const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
const CENT: u64 = 1_000_000;
/// More than anybody asks for, and far from where sums overflow.
const PRICE_MAX: u64 = 1_000_000 * CENT;

#[rustfmt::skip]
const TABLE: [Row; COUNT] = [
    Row { setting: Setting::Concurrency, table: "host", key: "concurrency", unit: Count, default: 1_000, least: 1, most: 1_000_000, meaning: "requests at a time, all components together" },
    Row { setting: Setting::Connections, table: "host", key: "connections", unit: Count, default: 10_000, least: 1, most: 1_000_000, meaning: "open inbound connections" },
    Row { setting: Setting::HeaderTime, table: "host", key: "header_time", unit: Milliseconds, default: 10 * SECOND, least: 1, most: HOUR, meaning: "longest that a client may take for the head of a request, silence before it included" },
    Row { setting: Setting::DrainTime, table: "host", key: "drain_time", unit: Milliseconds, default: 30 * SECOND, least: 0, most: HOUR, meaning: "longest that running requests may take to end when the host stops" },
    // The server cannot work with less than 8 KiB.
    Row { setting: Setting::HeaderBytes, table: "host", key: "header_bytes", unit: Bytes, default: 64 * KIB, least: 8 * KIB, most: 16 * MIB, meaning: "head of a request" },
    Row { setting: Setting::StackBytes, table: "host", key: "stack_bytes", unit: Bytes, default: 512 * KIB, least: 64 * KIB, most: 16 * MIB, meaning: "stack of an instance" },
    Row { setting: Setting::Loaded, table: "host", key: "loaded", unit: Count, default: 1_000, least: 1, most: 100_000, meaning: "components whose code is kept ready; that of others is loaded when they are asked for" },
    Row { setting: Setting::LoadedCode, table: "host", key: "loaded_code", unit: Bytes, default: 4 * GIB, least: 1, most: 1024 * GIB, meaning: "code that is kept ready" },
    Row { setting: Setting::LoadedTime, table: "host", key: "loaded_time", unit: Milliseconds, default: HOUR, least: SECOND, most: HOUR, meaning: "longest that code is kept ready without being asked for" },
    Row { setting: Setting::ConnectTime, table: "outbound", key: "connect_time", unit: Milliseconds, default: 5 * SECOND, least: 1, most: HOUR, meaning: "longest that an outbound connection may take to open" },
    Row { setting: Setting::FirstByteTime, table: "outbound", key: "first_byte_time", unit: Milliseconds, default: 30 * SECOND, least: 1, most: HOUR, meaning: "longest wait for the first byte of an outbound response" },
    Row { setting: Setting::OutboundIdleTime, table: "outbound", key: "idle_time", unit: Milliseconds, default: 10 * SECOND, least: 1, most: HOUR, meaning: "longest silence within an outbound response" },
    Row { setting: Setting::ConnectionsPerComponent, table: "outbound", key: "connections_per_component", unit: Count, default: 16, least: 1, most: 65_536, meaning: "outbound connections of a component at a time" },
    Row { setting: Setting::OutboundResponse, table: "outbound", key: "response", unit: Bytes, default: 16 * MIB, least: 1, most: 1024 * GIB, meaning: "outbound response body" },
    Row { setting: Setting::QueryTime, table: "outbound", key: "query_time", unit: Milliseconds, default: 30 * SECOND, least: 1, most: HOUR, meaning: "longest that a query of a database or a message to a broker may take, its answer included" },
    Row { setting: Setting::QueryBytes, table: "outbound", key: "query_bytes", unit: Bytes, default: 4 * MIB, least: 64 * KIB, most: GIB, meaning: "answer of a database or a broker, as the host holds it" },
    Row { setting: Setting::QueryRows, table: "outbound", key: "query_rows", unit: Count, default: 10_000, least: 1, most: 1_000_000, meaning: "rows of an answer of a database" },
    // The compiler itself takes some 100 MiB of address space.
    Row { setting: Setting::CompileMemory, table: "compile", key: "memory", unit: Bytes, default: 2 * GIB, least: 256 * MIB, most: 1024 * GIB, meaning: "address space of the process that compiles a component" },
    Row { setting: Setting::CompileCpuTime, table: "compile", key: "cpu_time", unit: Milliseconds, default: 60 * SECOND, least: SECOND, most: HOUR, meaning: "CPU time of compiling a component, in whole seconds" },
    Row { setting: Setting::CompileTime, table: "compile", key: "time", unit: Milliseconds, default: 60 * SECOND, least: 1, most: HOUR, meaning: "longest that compiling a component may take" },
    Row { setting: Setting::LogBytesMax, table: "log", key: "bytes_max", unit: Bytes, default: 10 * MIB, least: 4 * KIB, most: 1024 * GIB, meaning: "a log file before a new one is begun" },
    Row { setting: Setting::LogFilesMax, table: "log", key: "files_max", unit: Count, default: 2, least: 1, most: 1_000, meaning: "log files kept, the one being written included" },
    Row { setting: Setting::CastConcurrency, table: "cast", key: "concurrency", unit: Count, default: 64, least: 1, most: 100_000, meaning: "casts of the platform at a time" },
    Row { setting: Setting::CastQueueTime, table: "cast", key: "queue_time", unit: Milliseconds, default: 5 * SECOND, least: 1, most: HOUR, meaning: "longest that a cast waits for a place to run" },
    Row { setting: Setting::CastRetention, table: "cast", key: "retention", unit: Milliseconds, default: 720 * HOUR, least: 24 * HOUR, most: 87_600 * HOUR, meaning: "time that casts stay on record, their output included" },
    Row { setting: Setting::CastTmp, table: "cast", key: "tmp", unit: Bytes, default: 16 * MIB, least: 0, most: 1024 * GIB, meaning: "what a cast may write to its `/tmp`, in blocks of 4 KiB; `0` for none at all" },
    Row { setting: Setting::WebhookRetryFirst, table: "webhooks", key: "retry_first", unit: Milliseconds, default: 5 * SECOND, least: 10, most: HOUR, meaning: "wait after a delivery that was not taken the first time; later waits are in proportion" },
    Row { setting: Setting::PriceWasmSecond, table: "prices", key: "wasm_second", unit: Microcents, default: CENT / 10, least: 0, most: PRICE_MAX, meaning: "a second of a cast in this host" },
    Row { setting: Setting::PriceWasmMebibyte, table: "prices", key: "wasm_mebibyte", unit: Microcents, default: CENT / 100, least: 0, most: PRICE_MAX, meaning: "a mebibyte of the most memory that a cast in this host had at once" },
    Row { setting: Setting::PriceWasmMin, table: "prices", key: "wasm_cents_min", unit: Count, default: 1, least: 0, most: 1_000_000, meaning: "a cast in this host at least, in whole cents" },
    Row { setting: Setting::PriceGithubMinute, table: "prices", key: "github_minute", unit: Microcents, default: 8 * CENT / 10, least: 0, most: PRICE_MAX, meaning: "a minute that was begun on GitHub's runners" },
    Row { setting: Setting::PriceGithubMin, table: "prices", key: "github_cents_min", unit: Count, default: 5, least: 0, most: 1_000_000, meaning: "a cast on GitHub's runners at least, in whole cents" },
    Row { setting: Setting::RateKey, table: "rate", key: "key", unit: Count, default: 6_000, least: 0, most: 1_000_000_000, meaning: "requests of an API key in a minute, and at once; `0` for as many as come" },
    Row { setting: Setting::RateTenant, table: "rate", key: "tenant", unit: Count, default: 30_000, least: 0, most: 1_000_000_000, meaning: "requests of a tenant in a minute, and at once; `0` for as many as come" },
    Row { setting: Setting::RateAddress, table: "rate", key: "address", unit: Count, default: 6_000, least: 0, most: 1_000_000_000, meaning: "requests from an address in a minute, and at once, this machine's aside; `0` for as many as come" },
    Row { setting: Setting::RateWithoutKey, table: "rate", key: "without_key", unit: Count, default: 60, least: 0, most: 1_000_000_000, meaning: "requests without a valid API key from an address in a minute, and at once; `0` for as many as come" },
    Row { setting: Setting::QuotaSpells, table: "quota", key: "spells", unit: Count, default: 1_000, least: 1, most: 1_000_000, meaning: "spells of a tenant" },
    Row { setting: Setting::QuotaVersions, table: "quota", key: "versions", unit: Count, default: 100, least: 1, most: 10_000, meaning: "versions of a spell" },
    Row { setting: Setting::QuotaStored, table: "quota", key: "stored", unit: Bytes, default: 4 * GIB, least: 1, most: 1024 * GIB, meaning: "programs of a tenant, and the components made of them" },
    Row { setting: Setting::QuotaKeys, table: "quota", key: "keys", unit: Count, default: 100, least: 1, most: 10_000, meaning: "API keys of a tenant that are worth something, and as many that are not" },
    Row { setting: Setting::QuotaRunning, table: "quota", key: "running", unit: Count, default: 64, least: 1, most: 100_000, meaning: "casts of a tenant at a time, those included that wait for a place" },
    Row { setting: Setting::QuotaCastsPerDay, table: "quota", key: "casts_per_day", unit: Count, default: 1_000_000, least: 1, most: 1_000_000_000, meaning: "casts of a tenant in a day, in UTC, and so its idempotency keys" },
    Row { setting: Setting::GithubPollInterval, table: "github", key: "poll_interval", unit: Milliseconds, default: 5 * SECOND, least: 100, most: HOUR, meaning: "time between two questions about a run on GitHub at first" },
    Row { setting: Setting::GithubPollIntervalMax, table: "github", key: "poll_interval_max", unit: Milliseconds, default: 30 * SECOND, least: 100, most: HOUR, meaning: "time between two questions about a run that takes long" },
    Row { setting: Setting::GithubFindTime, table: "github", key: "find_time", unit: Milliseconds, default: 30 * SECOND, least: 100, most: HOUR, meaning: "longest that a dispatched run is looked for" },
    Row { setting: Setting::GithubArtifact, table: "github", key: "artifact", unit: Bytes, default: 64 * MIB, least: 1, most: GIB, meaning: "artifact of a run as it is downloaded" },
    Row { setting: Setting::GithubRuns, table: "github", key: "runs", unit: Count, default: 256, least: 1, most: 100_000, meaning: "runs on GitHub at a time" },
];

impl Setting {
    /// Every setting, in the order of the documentation.
    pub const ALL: [Setting; COUNT] = {
        let mut all = [Setting::Concurrency; COUNT];
        let mut index = 0;
        while index < COUNT {
            assert!(TABLE[index].setting as usize == index, "the table is in the order of the enum");
            all[index] = TABLE[index].setting;
            index += 1;
        }
        all
    };

    /// The tables that settings are written in.
    pub const TABLES: [&'static str; 10] = ["host", "outbound", "compile", "log", "cast", "webhooks", "prices", "rate", "quota", "github"];

    /// The table it is written in.
    pub fn table(self) -> &'static str {
        TABLE[self as usize].table
    }

    /// Its key in that table.
    pub fn key(self) -> &'static str {
        TABLE[self as usize].key
    }

    /// What its number counts.
    pub fn unit(self) -> Unit {
        TABLE[self as usize].unit
    }

    /// Its value where nobody wrote one.
    pub fn default_value(self) -> u64 {
        TABLE[self as usize].default
    }

    /// The values it can have.
    pub fn range(self) -> RangeInclusive<u64> {
        let row = &TABLE[self as usize];
        row.least..=row.most
    }

    /// What it bounds, as half a sentence.
    pub fn meaning(self) -> &'static str {
        TABLE[self as usize].meaning
    }
}

/// A value for every [`Setting`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings([u64; COUNT]);

impl Default for Settings {
    fn default() -> Self {
        Self(Setting::ALL.map(Setting::default_value))
    }
}

impl Settings {
    /// The value of a setting, in its unit.
    pub fn get(&self, setting: Setting) -> u64 {
        self.0[setting as usize]
    }

    /// The value of a setting that is a time.
    pub fn time(&self, setting: Setting) -> Duration {
        Duration::from_millis(self.get(setting))
    }

    /// Sets a setting, in its unit; a value out of its range becomes the nearest in it.
    pub fn set(&mut self, setting: Setting, value: u64) {
        self.0[setting as usize] = value.clamp(*setting.range().start(), *setting.range().end());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_is_in_its_range_and_every_place_is_its_own() {
        let mut places = std::collections::BTreeSet::new();
        for setting in Setting::ALL {
            assert!(setting.range().contains(&setting.default_value()), "{}", setting.key());
            assert!(Setting::TABLES.contains(&setting.table()));
            assert!(places.insert((setting.table(), setting.key())));
            assert!(!setting.meaning().is_empty());
        }
    }
}
