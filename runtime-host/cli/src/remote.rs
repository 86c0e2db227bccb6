//! Commands that ask a server: `push`, `cast`, `ls`, `versions`, `rollback` and `rm`.
//!
//! It knows what is asked for and how answers are shown. It must never know how a server is reached.

use crate::args::{Cast, List, OneSpell, Push, Rollback};
use crate::client::Client;
use crate::output::{harmless, plain, print};
use crate::progress::Upload;
use anyhow::{Context, Result, bail};
use comfy_table::Table;
use reqwest::Body;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};
use std::io::Read;
use std::path::Path;

/// The largest program that is sent.
const PROGRAM_BYTES_MAX: u64 = 50 << 20;
/// The largest input that is sent.
const INPUT_BYTES_MAX: u64 = 10 << 20;

/// Has a command ask its server.
pub(crate) fn asking<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work)
}

/// Uploads a program as a version of a spell, which is made if it is not there.
pub(crate) fn push(arguments: &Push) -> Result<()> {
    let stem = arguments.file.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let named = || stem.filter(|stem| stem != "-").context("standard input has no name: give --spell");
    let spell = arguments.spell.clone().map_or_else(named, Ok)?;
    let program = read(&arguments.file, PROGRAM_BYTES_MAX)?;
    let client = Client::new(&arguments.server)?;
    asking(async {
        if let Err(error) = client.get(&format!("/api/spells/{}", encoded(&spell))).await {
            if !error.to_string().ends_with("[404]") {
                return Err(error);
            }
            client.post("/api/spells", &json!({ "key": spell, "name": spell })).await?;
            eprintln!("Made the spell {spell}");
        }
        eprintln!("Uploading {} bytes", program.len());
        let size_bytes = program.len() as u64;
        let part = Part::stream_with_length(Body::wrap(Upload::new(program.into())), size_bytes);
        let file_name = arguments.file.file_name().map_or_else(|| "program.wasm".to_owned(), |name| name.to_string_lossy().into_owned());
        let form = Form::new().text("spellId", spell.clone()).text("version", arguments.version.to_string());
        let form = form.text("activate", (!arguments.inactive).to_string()).part("wasmFile", part.file_name(file_name));
        let uploaded = client.upload("/api/spells/upload-wasm", form).await?;
        show(arguments.server.json, &uploaded, || {
            format!("{spell} {} ({}) sha256 {}", arguments.version, text(&uploaded, "abi"), text(&uploaded, "hash"))
        })
    })
}

/// Casts a spell, and prints what it answers.
pub(crate) fn cast(arguments: &Cast) -> Result<()> {
    let input = input(&arguments.input)?;
    let key = match &arguments.idempotency_key {
        Some(key) => key.clone(),
        None => new_idempotency_key()?,
    };
    let mut body = json!({ "spell_key": arguments.spell, "input": input });
    if let Some(version) = &arguments.version {
        body["version"] = version.to_string().into();
    }
    let client = Client::new(&arguments.server)?;
    let answer = asking(client.post_once("/api/v1/cast", &body, &key)).with_context(|| {
        format!("{} was not cast; the same key asks again without casting twice: --idempotency-key {key}", arguments.spell)
    })?;
    if !arguments.server.json {
        eprintln!("Cast {} cost {} cents", text(&answer, "cast_id"), answer.get("cost_cents").unwrap_or(&Value::Null));
    }
    show(arguments.server.json, &answer, || match answer.get("output") {
        Some(Value::String(text)) => text.clone(),
        Some(other) => format!("{other:#}"),
        None => String::new(),
    })
}

/// Lists spells.
pub(crate) fn list(arguments: &List) -> Result<()> {
    let client = Client::new(&arguments.server)?;
    let spells = asking(async {
        let (mut spells, mut cursor) = (Vec::new(), None);
        loop {
            let after = cursor.map_or_else(String::new, |cursor: String| format!("?cursor={}", encoded(&cursor)));
            let mut page = client.get(&format!("/api/spells{after}")).await?;
            spells.extend(page.get_mut("spells").and_then(Value::as_array_mut).map(std::mem::take).unwrap_or_default());
            cursor = page.get("nextCursor").and_then(Value::as_str).map(str::to_owned);
            if cursor.is_none() {
                return Ok(Value::Array(spells));
            }
        }
    })?;
    let columns = ["key", "name", "activeVersion", "executionEngine", "updatedAt"];
    show(arguments.server.json, &spells, || table(&["SPELL", "NAME", "VERSION", "ENGINE", "CHANGED"], &columns, &spells))
}

/// Lists versions of a spell.
pub(crate) fn versions(arguments: &OneSpell) -> Result<()> {
    let client = Client::new(&arguments.server)?;
    let found = asking(client.get(&format!("/api/spells/upload-wasm?spellId={}", encoded(&arguments.spell))))?;
    let modules = found.get("modules").cloned().unwrap_or_default();
    let columns = ["version", "active", "abi", "size", "createdAt", "hash"];
    show(arguments.server.json, &found, || table(&["VERSION", "ACTIVE", "ABI", "BYTES", "UPLOADED", "SHA-256"], &columns, &modules))
}

/// Makes another version the active one.
pub(crate) fn rollback(arguments: &Rollback) -> Result<()> {
    let client = Client::new(&arguments.server)?;
    let spell = encoded(&arguments.spell);
    let path = match &arguments.version {
        Some(version) => format!("/api/spells/{spell}/versions/{}/activate", encoded(&version.to_string())),
        None => format!("/api/spells/{spell}/rollback"),
    };
    let changed = asking(client.post(&path, &json!({})))?;
    show(arguments.server.json, &changed, || format!("{} {}", arguments.spell, text(&changed, "activeVersion")))
}

/// Deletes a spell and its versions.
pub(crate) fn remove(arguments: &OneSpell) -> Result<()> {
    let client = Client::new(&arguments.server)?;
    asking(client.delete(&format!("/api/spells/{}", encoded(&arguments.spell))))?;
    eprintln!("Deleted {}; its casts stay on record", arguments.spell);
    Ok(())
}

pub(crate) fn show(as_json: bool, value: &Value, text: impl FnOnce() -> String) -> Result<()> {
    Ok(print(&if as_json { format!("{}\n", harmless(&format!("{value:#}"))) } else { format!("{}\n", text()) })?)
}

/// What is cast with: a file, standard input, JSON, or text.
fn input(written: &str) -> Result<Value> {
    let text = match written.strip_prefix('@') {
        Some(path) => text_of(read(Path::new(path), INPUT_BYTES_MAX)?)?,
        None if written == "-" => text_of(read(Path::new("-"), INPUT_BYTES_MAX)?)?,
        None => written.to_owned(),
    };
    let looks_like_json = text.trim_start().starts_with(['{', '[']);
    Ok(if looks_like_json { serde_json::from_str(&text).unwrap_or(Value::String(text)) } else { Value::String(text) })
}

fn text_of(bytes: Vec<u8>) -> Result<String> {
    String::from_utf8(bytes).context("the input is not UTF-8")
}

fn read(path: &Path, bytes_max: u64) -> Result<Vec<u8>> {
    let shown = path.display();
    let mut bytes = Vec::new();
    let reader: Box<dyn Read> = if path == Path::new("-") {
        Box::new(std::io::stdin())
    } else {
        Box::new(std::fs::File::open(path).with_context(|| format!("cannot read {shown}"))?)
    };
    reader.take(bytes_max + 1).read_to_end(&mut bytes).with_context(|| format!("cannot read {shown}"))?;
    if bytes.len() as u64 > bytes_max {
        bail!("{shown} has more than {bytes_max} bytes");
    }
    Ok(bytes)
}

fn new_idempotency_key() -> Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// A text as a part of a URL.
pub(crate) fn encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

pub(crate) fn text(value: &Value, name: &str) -> String {
    value.get(name).map(cell).unwrap_or_default()
}

pub(crate) fn cell(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => plain(text),
        Value::Bool(is) => if *is { "yes" } else { "no" }.to_owned(),
        other => other.to_string(),
    }
}

pub(crate) fn table(header: &[&str], columns: &[&str], rows: &Value) -> String {
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_header(header.iter().copied());
    for row in rows.as_array().into_iter().flatten() {
        table.add_row(columns.iter().map(|column| text(row, column)));
    }
    table.to_string()
}
