//! Tables whose keys are limits: `limits` of a component, `[defaults]` and `[ceilings]` of the operator.
//!
//! This file knows how quantities are written and which make no sense. It must never know who may set which.

use crate::diagnostic::{Diagnostic, quote};
use crate::reader::{Fields, Node, Reader};
use spell_types::{Limit, Unit};
use std::ops::RangeInclusive;

/// Thirty days: later than any request can matter, and far from where clocks overflow.
const MILLISECONDS_MAX: u64 = 30 * 24 * 3_600_000;
/// More than a host could hold, and far from where counters overflow.
const WAITING_MAX: u64 = 1_000_000;

/// Reads limits, each in its unit.
pub(crate) fn read(reader: &mut Reader, fields: &Fields<'_>) -> Vec<(Limit, u64)> {
    let mut limits = Vec::new();
    for node in fields.iter() {
        let Some(limit) = Limit::from_key(node.key) else {
            let message = format!("unknown limit {} in {}", quote(node.key), fields.place);
            let known = Limit::ALL.map(Limit::key);
            let help = reader.did_you_mean(node.key, known).unwrap_or_else(|| format!("the limits are {}", known.join(", ")));
            reader.report(Diagnostic::new(message, node.key_span.clone()).help(help));
            continue;
        };
        if let Some(value) = quantity(reader, &node, limit.unit(), range(limit)) {
            limits.push((limit, value));
        }
    }
    limits
}

/// Reads a quantity: a whole number, or a string with a unit. Bare numbers count bytes or seconds.
pub(crate) fn quantity(reader: &mut Reader, node: &Node<'_>, unit: Unit, range: RangeInclusive<u64>) -> Option<u64> {
    let fraction = node.as_fraction().filter(|_| unit == Unit::Microcents);
    let number = node.as_integer().map(|number| number.to_string()).or_else(|| fraction.map(|number| number.to_string()));
    let parsed = match (number, node.as_str()) {
        (Some(number), _) => unit.parse(&number),
        (None, Some(text)) => unit.parse(text),
        (None, None) => {
            reader.wrong_kind(node, example(unit));
            return None;
        }
    };
    let problem = match parsed {
        Ok(value) if range.contains(&value) => return Some(value),
        Ok(value) if value < *range.start() => format!("{} must be at least {}", quote(node.key), unit.format(*range.start())),
        Ok(_) => format!("{} must be at most {}", quote(node.key), unit.format(*range.end())),
        Err(_) if node.as_integer().is_some_and(|number| number < 0) || fraction.is_some_and(|number| number < 0.0) => {
            format!("{} must not be negative", quote(node.key))
        }
        Err(error) => format!("{}: {}", quote(node.key), shortened(&error.to_string())),
    };
    reader.report(Diagnostic::new(problem, node.span.clone()));
    None
}

/// The values a limit can have: a zero where it would forbid everything is a mistake.
fn range(limit: Limit) -> RangeInclusive<u64> {
    let least = match limit {
        Limit::Queue | Limit::OutboundRequests | Limit::Log => 0,
        _ => 1,
    };
    let most = match (limit, limit.unit()) {
        (Limit::Queue | Limit::Concurrency, _) => WAITING_MAX,
        (_, Unit::Milliseconds) => MILLISECONDS_MAX,
        _ => u64::MAX,
    };
    least..=most
}

fn example(unit: Unit) -> &'static str {
    match unit {
        Unit::Bytes => "a size like \"64MiB\" or a whole number of bytes",
        Unit::Milliseconds => "a duration like \"5s\" or a whole number of seconds",
        Unit::Count => "a whole number",
        Unit::Microcents => "cents like 0.1",
    }
}

/// The message quotes what was written, of which there may be much.
fn shortened(message: &str) -> String {
    message.chars().filter(|c| !c.is_control()).take(200).collect()
}
