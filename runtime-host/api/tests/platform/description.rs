//! What the API says of itself: the document is the one that is kept, and routes and descriptions are the same.

use crate::client::start;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// What everybody may ask, without a key.
const PUBLIC: [&str; 3] = ["/api/webhooks/github", "/errors", "/openapi.json"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

async fn described() -> Value {
    let host = start().await;
    let answer = host.raw("GET /openapi.json HTTP/1.1", b"").await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
    answer.json()
}

/// Path, method and what is said of them.
fn operations(document: &Value) -> Vec<(&String, &String, &Value)> {
    let paths = document["paths"].as_object().unwrap().iter();
    let found = paths.flat_map(|(path, item)| item.as_object().unwrap().iter().map(move |(method, said)| (path, method, said)));
    found.collect()
}

#[tokio::test]
async fn the_description_is_the_one_that_is_kept() {
    let host = start().await;
    let actual = host.raw("GET /openapi.json HTTP/1.1", b"").await.body;
    let path = root().join("docs/openapi.json");
    if std::env::var_os("SPELL_BLESS").is_some() {
        fs::write(&path, &actual).unwrap();
    }
    assert!(fs::read(&path).unwrap_or_default() == actual, "docs/openapi.json is out of date: run the tests with SPELL_BLESS=1");
}

#[tokio::test]
async fn every_path_takes_the_methods_that_it_describes_and_no_others() {
    let host = start().await;
    let document = described().await;
    let mut methods = BTreeMap::<&str, BTreeSet<String>>::new();
    for (path, method, _) in operations(&document) {
        let methods = methods.entry(path).or_default();
        methods.insert(method.to_uppercase());
        // Whoever can be read can be read without a body.
        methods.extend((method == "get").then(|| "HEAD".to_owned()));
    }
    for (path, expected) in methods {
        let answer = host.raw(&format!("TRACE {} HTTP/1.1", path.replace(['{', '}'], "")), b"").await;
        if path.starts_with("/s/") {
            // A spell takes every method, of which the description has two.
            answer.refuses(401, "no-credentials", "");
            continue;
        }
        answer.refuses(405, "method-not-allowed", "Allow");
        let allowed: BTreeSet<String> = answer.header("allow").unwrap().split(',').map(|method| method.trim().to_owned()).collect();
        assert_eq!(allowed, expected, "{path}");
    }
}

#[test]
fn no_route_is_added_without_its_description() {
    let mut sources = vec![root().join("runtime-host/api/src/platform.rs"), root().join("runtime-host/api/src/platform")];
    while let Some(source) = sources.pop() {
        if source.is_dir() {
            sources.extend(fs::read_dir(&source).unwrap().map(|file| file.unwrap().path()));
            continue;
        }
        let text = fs::read_to_string(&source).unwrap();
        for door in [".route(", ".route_service(", ".nest(", ".nest_service("] {
            assert!(!text.contains(door), "{}: `{door}`: use `routes!`, which takes what is described", source.display());
        }
    }
}

#[tokio::test]
async fn every_operation_says_what_it_is_who_may_and_what_is_in_its_path() {
    let document = described().await;
    let mut ids = BTreeSet::new();
    for (path, method, said) in operations(&document) {
        let name = format!("{method} {path}");
        assert!(ids.insert(said["operationId"].as_str().unwrap()), "{name}: two operations have this id");
        assert!(said["summary"].as_str().is_some_and(|summary| !summary.ends_with('.')), "{name}: {}", said["summary"]);
        let tags = document["tags"].as_array().unwrap().iter().map(|tag| &tag["name"]);
        assert!(tags.into_iter().any(|tag| *tag == said["tags"][0]), "{name}: {}", said["tags"]);
        let is_public = PUBLIC.contains(&path.as_str());
        assert_eq!(said["x-scope"].is_null(), is_public, "{name}: a route names the scope that it needs");
        assert_eq!(said["security"] == serde_json::json!([]), is_public, "{name}");
        let parameters = said["parameters"].as_array().map(Vec::as_slice).unwrap_or_default();
        let in_path: BTreeSet<&str> = parameters.iter().filter(|it| it["in"] == "path").map(|it| it["name"].as_str().unwrap()).collect();
        let expected: BTreeSet<&str> = path.split('{').skip(1).map(|rest| rest.split('}').next().unwrap()).collect();
        assert_eq!(in_path, expected, "{name}");
        let described = parameters.iter().all(|it| it["description"].is_string() && (it["in"] != "path" || !it["example"].is_null()));
        assert!(described, "{name}: a parameter has a description, and an example if it is in the path: {parameters:?}");
        assert!(said["responses"].as_object().unwrap().keys().any(|status| status.starts_with('2')), "{name}");
    }
}

#[tokio::test]
async fn the_page_of_refusals_has_a_place_for_each_code() {
    let host = start().await;
    let page = host.raw("GET /errors HTTP/1.1", b"").await;
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    let text = String::from_utf8(page.body).unwrap();
    let refused = host.raw("GET /api/nothing HTTP/1.1", b"").await.json();
    let anchor = refused["type"].as_str().unwrap().strip_prefix("/errors#").unwrap();
    assert!(text.contains(&format!("<h2 id=\"{anchor}\">")), "{anchor}");
}
