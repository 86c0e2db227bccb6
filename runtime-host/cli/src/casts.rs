//! `spell casts` and `spell logs`: what was cast on a server, how it ended, and what it printed.
//!
//! It knows what is shown of a cast. It must never know how a server is reached.

use crate::args::{Casts, Logs};
use crate::client::Client;
use crate::output::{harmless, plain, write_line};
use crate::remote::{asking, cell, encoded, show, table, text};
use anyhow::{Result, bail};
use serde_json::Value;
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::time::sleep;

/// Casts that are asked for at once.
const PAGE: usize = 100;
/// Pages that are read to find what is new: more casts in one interval are passed over.
const PAGES_MAX: usize = 10;
/// How often it is looked for what is new.
const INTERVAL: Duration = Duration::from_millis(500);
/// Casts that are remembered as known: more than all pages have.
const KNOWN_MAX: usize = 10 * PAGE * PAGES_MAX;

/// Lists casts, or shows one.
pub(crate) fn list(arguments: &Casts) -> Result<()> {
    let client = Client::new(&arguments.server)?;
    if let Some(id) = &arguments.cast_id {
        let cast = asking(client.get(&format!("/api/v1/casts/{}", encoded(id))))?;
        return show(arguments.server.json, &cast, || fields(&cast));
    }
    let casts = asking(newest(&client, arguments.spell.as_deref(), arguments.limit.into()))?;
    let rows: Vec<Value> = casts.iter().map(row).collect();
    let header = ["CREATED", "CAST", "SPELL", "VERSION", "ENGINE", "STATUS", "TIME", "MEMORY", "CENTS"];
    let columns = ["created_at", "cast_id", "spell_key", "version", "engine", "status", "time", "memory", "cost_cents"];
    show(arguments.server.json, &Value::Array(casts), || table(&header, &columns, &Value::Array(rows)))
}

/// Shows how casts ended, and what they printed, and goes on with it if asked to.
pub(crate) fn logs(arguments: &Logs) -> Result<()> {
    let client = Client::new(&arguments.server)?;
    let work = async {
        let shown = Shown { client: &client, as_json: arguments.server.json };
        match &arguments.cast_id {
            Some(id) => shown.lines(id).await,
            None => shown.casts(arguments).await,
        }
    };
    asking(async {
        tokio::select! {
            ended = work => ended,
            _ = tokio::signal::ctrl_c() => Ok(()),
        }
    })
}

/// How casts are shown that end one after the other.
struct Shown<'a> {
    client: &'a Client,
    as_json: bool,
}

impl Shown<'_> {
    /// What one cast printed.
    async fn lines(&self, id: &str) -> Result<()> {
        for line in self.printed(id).await? {
            let shown = if self.as_json { harmless(&line.to_string()) } else { text_of(&line) };
            if !write_line(&shown)? {
                break;
            }
        }
        Ok(())
    }

    /// The newest casts, the oldest of them first, and then all that end, until nobody reads any more.
    async fn casts(&self, arguments: &Logs) -> Result<()> {
        let (spell, mut known) = (arguments.spell.as_deref(), BTreeSet::new());
        // What is not shown is known all the same.
        let found = newest(self.client, spell, usize::from(arguments.limit).max(PAGE)).await?;
        known.extend(found.iter().map(|cast| text(cast, "cast_id")));
        let mut pending: Vec<Value> = found.into_iter().take(arguments.limit.into()).rev().collect();
        let mut is_lost = false;
        loop {
            match self.ended(&mut pending).await {
                Ok(false) => return Ok(()),
                Ok(true) if !arguments.follow => return Ok(()),
                Ok(true) => {}
                Err(error) if !arguments.follow => return Err(error),
                Err(error) => warn_once(&mut is_lost, error)?,
            }
            sleep(INTERVAL).await;
            match unknown(self.client, spell, &mut known).await {
                Ok(new) => {
                    is_lost = false;
                    pending.extend(new);
                }
                Err(error) => warn_once(&mut is_lost, error)?,
            }
        }
    }

    /// Shows those casts that have ended, and keeps the others. `false` when nobody reads any more.
    async fn ended(&self, pending: &mut Vec<Value>) -> Result<bool> {
        let mut at = 0;
        while let Some(mut cast) = pending.get(at).cloned() {
            if cast["status"] == "running" {
                cast = self.client.get(&format!("/api/v1/casts/{}", encoded(&text(&cast, "cast_id")))).await?;
            }
            if cast["status"] == "running" {
                at += 1;
                continue;
            }
            if !self.cast(&mut cast).await? {
                return Ok(false);
            }
            // Only what was shown is done with: after an error it is asked for again.
            pending.remove(at);
        }
        Ok(true)
    }

    /// One cast that has ended, and what it printed. `false` when nobody reads any more.
    async fn cast(&self, cast: &mut Value) -> Result<bool> {
        let printed = self.printed(&text(cast, "cast_id")).await?;
        if self.as_json {
            if let Some(members) = cast.as_object_mut() {
                members.remove("output");
                members.insert("logs".to_owned(), Value::Array(printed));
            }
            return Ok(write_line(&harmless(&cast.to_string()))?);
        }
        let mut is_read = write_line(&outcome(cast))?;
        for line in printed {
            is_read = is_read && write_line(&format!("  {}", text_of(&line)))?;
        }
        Ok(is_read)
    }

    async fn printed(&self, id: &str) -> Result<Vec<Value>> {
        let lines = self.client.get_text(&format!("/api/v1/casts/{}/logs", encoded(id))).await?;
        lines.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
    }
}

/// The newest casts.
async fn newest(client: &Client, spell: Option<&str>, count: usize) -> Result<Vec<Value>> {
    let (mut casts, mut cursor) = (Vec::new(), None);
    while casts.len() < count {
        let (page, next) = page(client, spell, (count - casts.len()).min(PAGE), cursor.as_deref()).await?;
        casts.extend(page);
        cursor = next;
        if cursor.is_none() {
            break;
        }
    }
    Ok(casts)
}

/// Casts that nobody knew yet, the oldest first. Casts that began at the same time may be listed in another order the next time.
async fn unknown(client: &Client, spell: Option<&str>, known: &mut BTreeSet<String>) -> Result<Vec<Value>> {
    let (mut new, mut cursor) = (Vec::new(), None);
    for _ in 0..PAGES_MAX {
        let (page, next) = page(client, spell, PAGE, cursor.as_deref()).await?;
        let before = new.len();
        let count = page.len();
        new.extend(page.into_iter().filter(|cast| !known.contains(&text(cast, "cast_id"))));
        cursor = next;
        if new.len() - before < count || cursor.is_none() {
            break;
        }
    }
    known.extend(new.iter().map(|cast| text(cast, "cast_id")));
    while known.len() > KNOWN_MAX {
        known.pop_first();
    }
    new.reverse();
    Ok(new)
}

async fn page(client: &Client, spell: Option<&str>, limit: usize, cursor: Option<&str>) -> Result<(Vec<Value>, Option<String>)> {
    let asked = [("spell", spell), ("cursor", cursor)].into_iter();
    let asked: String = asked.filter_map(|(name, value)| value.map(|value| format!("&{name}={}", encoded(value)))).collect();
    let mut page = client.get(&format!("/api/v1/casts?limit={limit}{asked}")).await?;
    let casts = page.get_mut("casts").and_then(Value::as_array_mut).map(std::mem::take).unwrap_or_default();
    Ok((casts, page.get("next_cursor").and_then(Value::as_str).map(str::to_owned)))
}

/// A server that cannot be asked may be there again in a moment; one that refuses will refuse again.
fn warn_once(is_lost: &mut bool, error: anyhow::Error) -> Result<()> {
    let text = error.to_string();
    if [400, 401, 403, 404, 422].iter().any(|status| text.ends_with(&format!("[{status}]"))) {
        bail!(error);
    }
    if !std::mem::replace(is_lost, true) {
        eprintln!("warning: {error:#}; trying again");
    }
    Ok(())
}

/// A cast with what a table says of it.
fn row(cast: &Value) -> Value {
    let mut row = cast.clone();
    row["time"] = time(cast).into();
    row["memory"] =
        cast["usage"]["memory_bytes_peak"].as_f64().map_or(Value::Null, |bytes| format!("{:.1} MiB", bytes / 1_048_576.0).into());
    row
}

fn time(cast: &Value) -> Option<String> {
    cast["usage"]["wall_time_ms"].as_u64().map(|time| format!("{time} ms"))
}

/// How a cast ended, in one line.
fn outcome(cast: &Value) -> String {
    let mut line = ["created_at", "cast_id", "spell_key", "version", "status"].map(|name| text(cast, name)).join(" ");
    if let (Some(time), Some(cents)) = (time(cast), cast["cost_cents"].as_u64()) {
        line.push_str(&format!(" {time} {cents} cents"));
    }
    if cast["status"] != "completed" {
        line.push_str(&format!(": {}", text(cast, "message")));
    }
    line
}

/// A printed line, or how much is missing.
fn text_of(line: &Value) -> String {
    match line.get("dropped_bytes") {
        Some(bytes) => format!("[spell: {bytes} bytes more were not kept]"),
        None => format!("{} {} | {}", text(line, "time"), text(line, "stream"), text(line, "text")),
    }
}

/// A cast, a line for each that is known of it.
fn fields(cast: &Value) -> String {
    let lines = cast.as_object().into_iter().flatten().map(|(name, value)| match value {
        Value::Object(members) if name == "usage" => members
            .iter()
            .map(|(name, value)| format!("  {name}: {}", cell(value)))
            .fold("usage:".to_owned(), |all, line| all + "\n" + &line),
        value => format!("{}: {}", plain(name), plain(&cell(value))),
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_shown_of_a_cast_commands_no_terminal() {
        let cast = json!({
            "created_at": "t", "cast_id": "cast_1", "spell_key": "s", "version": "1.0.0", "status": "failed",
            "usage": { "wall_time_ms": 5 }, "cost_cents": 1, "message": "\u{1b}[2J\nforged"
        });
        assert_eq!(outcome(&cast), "t cast_1 s 1.0.0 failed 5 ms 1 cents: \\u{1b}[2J\\nforged");
        let line = json!({ "time": "t", "stream": "stderr", "text": "a\rb\u{9b}" });
        assert_eq!(text_of(&line), "t stderr | a\\rb\\u{9b}");
        assert_eq!(text_of(&json!({ "dropped_bytes": 3 })), "[spell: 3 bytes more were not kept]");
        assert!(fields(&cast).lines().all(|line| !line.starts_with("forged")));
    }
}
