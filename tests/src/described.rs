//! The API as it describes itself (OpenAPI): its operations, requests made of their examples, and answers held against their schemas.
//!
//! This file knows the form of the document. It must never know an operation.

use crate::{Answer, Client, Request, encode, workspace};
use serde_json::{Value, json};
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

const FORM: &str = "multipart/form-data";
/// Tested where they are: what spells answer by HTTP, and what GitHub says.
pub const APART: [&str; 5] = ["ask", "askByPost", "askBelow", "askBelowByPost", "hearFromGithub"];

/// What an example calls by a name of its own, and what it is called here.
pub type Names = Vec<(String, String)>;

/// The document of a host.
#[derive(Debug)]
pub struct Description {
    /// All of it.
    pub document: Value,
}

/// A method of a path.
#[derive(Debug, Clone)]
pub struct Operation {
    /// What it is called.
    pub id: String,
    /// Its method, in capitals.
    pub method: String,
    /// Its path, with names in braces.
    pub path: String,
    /// The scope that it needs, unless it is open to all.
    pub scope: Option<String>,
    said: Value,
    /// The fields of its form, if it takes one.
    fields: Value,
}

/// A value that is held against the schema at a place in the document.
#[derive(Debug)]
pub struct Claim {
    /// Where the value comes from, for people.
    pub place: String,
    /// Where the schema is.
    pub pointer: String,
    /// The value.
    pub value: Value,
}

impl Description {
    /// Asks a host for it.
    pub fn of(client: &Client) -> Self {
        let answer = client.get("/openapi.json");
        assert_eq!(answer.status, 200, "{}", answer.text());
        Self { document: answer.json() }
    }

    /// All operations that can be asked by their examples, by path. What a spell answers is its own, and only GitHub can sign.
    pub fn operations(&self) -> Vec<Operation> {
        let paths = self.document["paths"].as_object().expect("paths").iter();
        let operation = |path: &String, method: &String, said: &Value| Operation {
            id: said["operationId"].as_str().expect("an id").to_owned(),
            method: method.to_uppercase(),
            path: path.clone(),
            scope: said["x-scope"].as_str().map(str::to_owned),
            said: said.clone(),
            fields: self.fields(said),
        };
        paths
            .flat_map(|(path, item)| item.as_object().expect("methods").iter().map(move |(method, said)| operation(path, method, said)))
            .filter(|operation| !APART.contains(&operation.id.as_str()))
            .collect()
    }

    fn fields(&self, said: &Value) -> Value {
        let reference = &said["requestBody"]["content"][FORM]["schema"]["$ref"];
        let form = reference.as_str().and_then(|reference| self.document.pointer(reference.trim_start_matches('#')));
        form.map_or(Value::Null, |form| form["properties"].clone())
    }

    /// Holds an answer against what its operation says of this status; fails the test if it says nothing.
    pub fn claim(&self, operation: &Operation, answer: &Answer) -> Option<Claim> {
        let (place, status) = (format!("{} -> {}", operation.id, answer.status), answer.status.to_string());
        let mut pointer = operation.pointer(&["responses", &status]);
        if let Some(reference) = self.document.pointer(&pointer).and_then(|said| said["$ref"].as_str()) {
            pointer = reference.trim_start_matches('#').to_owned();
        }
        let said = self.document.pointer(&pointer).unwrap_or_else(|| panic!("{place} is not described: {}", answer.text()));
        let Some(content) = said["content"].as_object() else {
            assert!(answer.body.is_empty(), "{place}: a body that is not described: {}", answer.text());
            return None;
        };
        let kind = answer.header("content-type").and_then(|kind| kind.split(';').next()).unwrap_or_default();
        assert!(content.contains_key(kind), "{place}: `{kind}` is not described");
        // Streams have a form of their own, which no schema has words for.
        content[kind].get("schema")?;
        let value = if kind.ends_with("json") { answer.json() } else { json!(answer.text()) };
        Some(Claim { place, pointer: format!("{pointer}/content/{}/schema", escaped(kind)), value })
    }

    /// Every example in it, each with its schema.
    pub fn examples(&self) -> Vec<Claim> {
        let mut claims = Vec::new();
        collect("", &self.document, &mut claims);
        claims
    }

    /// Has the document and these values checked; fails the test with all that is wrong.
    pub fn check(&self, claims: &[Claim]) {
        let values: Vec<Value> = claims.iter().map(|claim| json!([claim.place, claim.pointer, claim.value])).collect();
        let root = workspace();
        let mut command = Command::new(tool("python"));
        command.arg(root.join("tests/src/described.py")).env("PYTHONDONTWRITEBYTECODE", "1");
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("run `make checkers`");
        let text = json!({ "document": self.document, "values": values }).to_string();
        child.stdin.take().expect("stdin is piped").write_all(text.as_bytes()).expect("write");
        let output = child.wait_with_output().expect("wait");
        let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        assert!(output.status.success(), "{}", said.concat());
    }
}

impl Operation {
    /// Requests of its examples, one for each example of a body; with the headers that may be left out if it says so.
    pub fn requests(&self, client: &Client, names: &Names, has_optional_headers: bool, file: &[u8]) -> Vec<Request> {
        let bodies = self.bodies(names, file);
        let request = |body: &Option<(String, Vec<u8>)>| {
            let mut request = client.request(&self.method, &self.target(names));
            for parameter in self.parameters("header").filter(|it| has_optional_headers || it["required"] == true) {
                request = request.header(text(&parameter["name"]), &named(text(&parameter["example"]), names));
            }
            match body {
                Some((kind, bytes)) => request.header("content-type", kind).body(bytes.clone()),
                None => request,
            }
        };
        bodies.iter().map(request).collect()
    }

    /// Whether there are headers that may be left out.
    pub fn has_optional_headers(&self) -> bool {
        self.parameters("header").any(|it| it["required"] != true)
    }

    /// The statuses of success, the usual one first.
    pub fn successes(&self) -> Vec<u16> {
        let statuses = self.said["responses"].as_object().expect("responses").keys();
        statuses.filter(|status| status.starts_with('2')).map(|status| status.parse().expect("a status")).collect()
    }

    /// Path and query as in its examples.
    pub fn target(&self, names: &Names) -> String {
        let mut path = self.path.clone();
        for parameter in self.parameters("path") {
            path = path.replace(&format!("{{{}}}", text(&parameter["name"])), &encode(&named(text(&parameter["example"]), names)));
        }
        let query: Vec<String> = self
            .parameters("query")
            .filter(|it| !it["example"].is_null())
            .map(|it| {
                let example = it["example"].as_str().map_or_else(|| it["example"].to_string(), str::to_owned);
                format!("{}={}", text(&it["name"]), encode(&named(&example, names)))
            })
            .collect();
        if query.is_empty() { path } else { format!("{path}?{}", query.join("&")) }
    }

    fn bodies(&self, names: &Names, file: &[u8]) -> Vec<Option<(String, Vec<u8>)>> {
        let Some(content) = self.said["requestBody"]["content"].as_object() else { return vec![None] };
        let mut bodies = Vec::new();
        for (kind, said) in content {
            let several = said["examples"].as_object().into_iter().flat_map(|examples| examples.values().map(|example| &example["value"]));
            let examples: Vec<&Value> = several.chain(Some(&said["example"])).filter(|example| !example.is_null()).collect();
            bodies.extend(examples.iter().map(|example| Some((kind.clone(), named(&example.to_string(), names).into_bytes()))));
            assert!(!examples.is_empty() || kind == FORM, "{}: no example", self.id);
            if kind == FORM {
                bodies.push(Some((format!("{kind}; boundary=edge"), self.form(names, file))));
            }
        }
        bodies
    }

    /// A form of the examples of its fields, and of the file in place of what is binary.
    fn form(&self, names: &Names, file: &[u8]) -> Vec<u8> {
        let mut form = Vec::new();
        for (name, said) in self.fields.as_object().into_iter().flatten() {
            let example = said["example"].as_str().map_or_else(|| said["example"].to_string(), str::to_owned);
            let (label, value) = match said["format"].as_str() {
                Some("binary") => ("; filename=\"a.wasm\"", file.to_vec()),
                _ => ("", named(&example, names).into_bytes()),
            };
            form.extend(format!("--edge\r\ncontent-disposition: form-data; name=\"{name}\"{label}\r\n\r\n").bytes());
            form.extend(value);
            form.extend(b"\r\n");
        }
        form.extend(b"--edge--\r\n");
        form
    }

    fn parameters<'a>(&'a self, place: &'a str) -> impl Iterator<Item = &'a Value> {
        self.said["parameters"].as_array().into_iter().flatten().filter(move |it| it["in"] == place)
    }

    fn pointer(&self, below: &[&str]) -> String {
        let method = self.method.to_lowercase();
        ["paths", &self.path, &method].iter().chain(below).map(|part| format!("/{}", escaped(part))).collect()
    }
}

/// A program of `.tools/venv`.
pub fn tool(name: &str) -> PathBuf {
    workspace().join(".tools/venv/bin").join(name)
}

/// Examples of bodies stand beside their schema.
fn collect(at: &str, value: &Value, claims: &mut Vec<Claim>) {
    if let Some(members) = value.as_object() {
        let several = members.get("examples").and_then(Value::as_object);
        let several = several.into_iter().flatten().map(|(name, example)| (name.as_str(), &example["value"]));
        let examples = several.chain(members.get("example").map(|example| ("example", example)));
        if members.contains_key("schema") {
            claims.extend(examples.map(|(name, value)| Claim {
                place: format!("{at} ({name})"),
                pointer: format!("{at}/schema"),
                value: value.clone(),
            }));
        }
        for (name, value) in members.iter().filter(|(name, _)| !name.starts_with("example")) {
            collect(&format!("{at}/{}", escaped(name)), value, claims);
        }
    }
    for (number, value) in value.as_array().into_iter().flatten().enumerate() {
        collect(&format!("{at}/{number}"), value, claims);
    }
}

fn named(text: &str, names: &Names) -> String {
    names.iter().fold(text.to_owned(), |text, (example, name)| text.replace(example, name))
}

/// A part of a JSON pointer within a URI.
fn escaped(part: &str) -> String {
    part.replace('~', "~0").replace('/', "~1")
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}
