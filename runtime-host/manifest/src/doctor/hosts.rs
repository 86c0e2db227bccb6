//! Entries of `allowed_outbound_hosts` that are none, and what was probably meant.
//!
//! This file knows how entries look. It must never judge whether one is allowed: that is among the facts.

use super::{Change, Facts, Finding, edit};
use crate::App;
use std::ops::Range;

/// Entries that could be put in the place of one that is none, the likeliest first.
pub fn corrections(entry: &str) -> Vec<String> {
    let entry = entry.trim();
    if entry == "*" || entry == "*:*" {
        return vec!["https://*:*".to_owned()];
    }
    let (scheme, rest) = entry.split_once("://").unwrap_or(("https", entry));
    let host = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    let scheme = scheme.to_ascii_lowercase();
    [format!("{scheme}://{rest}"), format!("{scheme}://{host}"), format!("{scheme}://{host}:*")].to_vec()
}

pub(super) fn examine(text: &str, app: &App, facts: &Facts) -> Vec<Finding> {
    let mut findings = Vec::new();
    for component in &app.components {
        for host in &component.allowed_outbound_hosts {
            let Some(reason) = facts.bad_hosts.get(host) else { continue };
            let span = place(text, &component.id, host);
            let line = span.as_ref().and_then(|span| edit::line(text, span));
            let finding = Finding::new(format!("component \"{}\": allowed_outbound_hosts: {reason}", component.id), line);
            let meant = corrections(host).into_iter().find(|meant| !facts.bad_hosts.contains_key(meant));
            findings.push(match meant {
                Some(meant) => {
                    let change = span.and_then(|span| edit::replace(text, span, &format!("\"{meant}\""))).map(Change::Manifest);
                    finding.fix(format!("write \"{meant}\" instead"), change)
                }
                None => finding.advice("write it like \"https://example.com\""),
            });
        }
    }
    findings
}

/// Where an entry stands.
fn place(text: &str, component: &str, host: &str) -> Option<Range<usize>> {
    edit::find(text, &["component", component, "allowed_outbound_hosts"], |item| {
        item.as_array()?.iter().find(|value| value.as_str() == Some(host))?.span()
    })
}
