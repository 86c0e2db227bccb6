//! Flags that `spin up` has, so that what starts Spin can start Spell. Those that change nothing here say so.

use clap::builder::{FalseyValueParser, OsStringValueParser, TypedValueParser};
use clap::{Args, ValueEnum};
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// How the routes are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Lines for people.
    Plain,
    /// One JSON object.
    Json,
}

/// Spin's own flags.
#[derive(Debug, Args)]
#[command(next_help_heading = "Flags of Spin")]
pub(crate) struct SpinFlags {
    /// What stands behind labels of stores, who gives values to variables, and how components reach out
    #[arg(long, value_name = "FILE", env = "RUNTIME_CONFIG_FILE", value_parser = OsStringValueParser::new().map(PathBuf::from))]
    pub(crate) runtime_config_file: Option<PathBuf>,
    /// Most memory of an instance, in bytes: no component can ask for more
    #[arg(long, value_name = "BYTES", env = "SPIN_MAX_INSTANCE_MEMORY")]
    pub(crate) max_instance_memory: Option<u64>,
    /// Bytes of a request's head
    #[arg(long, value_name = "BYTES", env = "SPIN_HTTP1_MAX_BUF_SIZE", value_parser = clap::value_parser!(u64).range(8192..))]
    pub(crate) http1_max_buf_size: Option<u64>,
    /// Time of a request, of components that do not ask for another: 500ms, 2s
    #[arg(long, value_name = "TIME", value_parser = longest_time)]
    pub(crate) request_timeout: Option<Duration>,
    /// Let components see the app's directories as they are, instead of copies
    #[arg(long)]
    pub(crate) direct_mounts: bool,
    /// Directory to keep programs in that are fetched from URLs [default: the state directory]
    #[arg(long, value_name = "DIRECTORY")]
    pub(crate) cache_dir: Option<PathBuf>,
    /// Keep no compiled code
    #[arg(long, env = "DISABLE_WASMTIME_CACHE", value_parser = FalseyValueParser::new(), num_args = 0, default_missing_value = "true", default_value = "false")]
    pub(crate) disable_cache: bool,
    /// Let components tell what they do (wasi:otel), to the collector that OTEL_EXPORTER_OTLP_ENDPOINT names
    #[arg(long)]
    pub(crate) experimental_wasi_otel: bool,
    #[command(flatten)]
    ignored: Ignored,
}

/// Flags that change nothing.
#[derive(Debug, Args)]
struct Ignored {
    #[arg(long, hide = true, env = "WASMTIME_CACHE_FILE")]
    cache: Option<PathBuf>,
    #[arg(long, hide = true)]
    disable_pooling: bool,
    #[arg(long, hide = true)]
    debug_info: bool,
    #[arg(long, hide = true)]
    allow_transient_write: bool,
    #[arg(short = 'k', long, hide = true)]
    insecure: bool,
    #[arg(long, hide = true, alias = "tmp")]
    temp: Option<PathBuf>,
    #[arg(long, hide = true)]
    max_instance_reuse_count: Option<OsString>,
    #[arg(long, hide = true)]
    max_instance_concurrent_reuse_count: Option<OsString>,
    #[arg(long, hide = true)]
    idle_instance_timeout: Option<OsString>,
}

impl SpinFlags {
    /// What was asked for and changes nothing, each with the reason.
    pub(crate) fn without_effect(&self) -> Vec<String> {
        let flags = &self.ignored;
        let reuse = "every request has an instance of its own";
        let rows = [
            ("--cache", flags.cache.is_some(), "compiled code is kept in the state directory"),
            ("--disable-pooling", flags.disable_pooling, "instances always come from a pool"),
            ("--debug-info", flags.debug_info, "compiled code has no debug information"),
            ("--allow-transient-write", flags.allow_transient_write, "a component cannot write to its files"),
            ("--insecure", flags.insecure, "registries are asked over TLS, but for those on this machine"),
            ("--temp", flags.temp.is_some(), "copies of files are kept in the state directory"),
            ("--max-instance-reuse-count", flags.max_instance_reuse_count.is_some(), reuse),
            ("--max-instance-concurrent-reuse-count", flags.max_instance_concurrent_reuse_count.is_some(), reuse),
            ("--idle-instance-timeout", flags.idle_instance_timeout.is_some(), reuse),
        ];
        rows.into_iter().filter(|(_, given, _)| *given).map(|(flag, _, reason)| format!("{flag} changes nothing: {reason}")).collect()
    }
}

/// A time as Spin writes it: a number of `s`, `ms`, `us`, `μs` or `ns`, of seconds without a unit; of a range `a..b`, the longer end.
fn longest_time(text: &str) -> Result<Duration, String> {
    let longest = text.split_once("..").map_or(text, |(_, end)| end);
    let digits = longest.find(|c: char| !c.is_ascii_digit()).unwrap_or(longest.len());
    let (number, unit) = longest.split_at(digits);
    let number: u64 = number.parse().map_err(|_| format!("\"{text}\" is no time: write 500ms, or 2s"))?;
    Ok(match unit {
        "" | "s" => Duration::from_secs(number),
        "ms" => Duration::from_millis(number),
        "us" | "μs" | "µs" => Duration::from_micros(number),
        "ns" => Duration::from_nanos(number),
        _ => return Err(format!("\"{unit}\" is no unit of time: write 500ms, or 2s")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_spin_writes_them() {
        for (text, expected) in [
            ("2", Some(Duration::from_secs(2))),
            ("2s", Some(Duration::from_secs(2))),
            ("500ms", Some(Duration::from_millis(500))),
            ("7μs", Some(Duration::from_micros(7))),
            ("9ns", Some(Duration::from_nanos(9))),
            ("1s..3s", Some(Duration::from_secs(3))),
            ("", None),
            ("s", None),
            ("2h", None),
            ("-1s", None),
            ("99999999999999999999s", None),
        ] {
            assert_eq!(longest_time(text).ok(), expected, "{text}");
        }
    }
}
