//! Programs that are packages: found in a real registry by name and version, and taken from no registry that lies.

#![expect(clippy::unwrap_used, reason = "a helper that cannot go on fails its test")]

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use spell_tests::{Client, Ended, Host, RealServer, Setup, app, guest};
use std::fs;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;

const OPERATOR: &str = "[outbound]\nallow_networks = [\"127.0.0.1\"]\nfirst_byte_time = \"2s\"\n";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect::<String>())
}

fn program(name: &str) -> Vec<u8> {
    fs::read(guest(name)).unwrap()
}

/// An image of one program, as package tools write it.
fn image(media_type: &str, digest: &str, size: usize) -> Value {
    let config = json!({ "mediaType": "application/vnd.wasm.config.v0+json", "digest": self::digest(b"{}"), "size": 2 });
    let layer = json!({ "mediaType": media_type, "digest": digest, "size": size });
    json!({ "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer] })
}

/// Puts a program into a registry, as `wkg publish` does.
fn publish(registry: &RealServer, name: &str, tag: &str, wasm: &[u8]) {
    let client = Client { address: SocketAddr::from(([127, 0, 0, 1], registry.port)) };
    for blob in [wasm, b"{}"] {
        let begun = client.request("POST", &format!("/v2/{name}/blobs/uploads/")).body("").send();
        let place = begun.header("location").unwrap();
        let path = place.split_once("://").map_or(place, |(_, rest)| &rest[rest.find('/').unwrap()..]).to_owned();
        let put = client.request("PUT", &format!("{path}&digest={}", digest(blob))).header("content-type", "application/octet-stream");
        assert_eq!(put.body(blob).send().status, 201);
    }
    let manifest = image("application/wasm", &digest(wasm), wasm.len()).to_string();
    let put = client.request("PUT", &format!("/v2/{name}/manifests/{tag}")).header("content-type", MANIFEST).body(manifest);
    assert_eq!(put.send().status, 201, "{name} {tag}");
}

/// A component that answers every path below its name.
fn component(id: &str, source: &str, lines: &str) -> String {
    format!("[[trigger.http]]\nroute = \"/{id}/...\"\ncomponent = \"{id}\"\n[component.{id}]\nsource = {source}\n{lines}\n")
}

/// An app whose user has this configuration of packages.
fn configured(parts: &[String], config: &str, operator: &str) -> Setup {
    let setup = Setup::new(&app(parts)).operator(operator);
    fs::create_dir(setup.directory().join("wasm-pkg")).unwrap();
    let setup = setup.file("wasm-pkg/config.toml", config);
    let directory = setup.directory().to_string_lossy().into_owned();
    setup.environment("XDG_CONFIG_HOME", &directory)
}

fn kept(state: &Path) -> usize {
    fs::read_dir(state.join("fetched")).map_or(0, |entries| entries.count())
}

#[test]
fn m19_packages_are_found_in_a_registry_and_the_newest_version_that_will_do_is_served() {
    let (registry, state) = (RealServer::docker_registry(), tempfile::tempdir().unwrap());
    for (name, tag, wasm) in [
        ("test/hello", "1.9.0", program("hello_p3")),
        ("test/hello", "1.10.0", program("hello_p2")),
        ("test/hello", "2.0.0", b"no program at all".to_vec()),
        ("test/hello", "latest", b"no program at all".to_vec()),
        ("spell/tests", "1.0.3", program("tests_library")),
        ("test/around", "0.1.0", program("tests_middleware")),
        ("test/caller", "1.0.0", program("tests_caller")),
    ] {
        publish(&registry, name, tag, &wasm);
    }
    let host_name = format!("localhost:{}", registry.port);
    let around = format!("{{ package = \"test:around\", version = \"0.1\", registry = \"{host_name}\" }}");
    let lines = "environment = { SECRET = \"hidden\" }\n[component.caller.dependencies]\n\
        \"spell:tests/reach@1.0.0\" = { version = \"^1.0\", inherit_configuration = true }";
    let parts = [
        component("caller", "{ package = \"test:caller\", version = \"=1.0.0\" }", lines)
            .replace("component = \"caller\"\n", &format!("component = \"caller\"\ndependencies = {{ middleware = [{around}] }}\n")),
        component("hello", "{ package = \"test:hello\", version = \"1.2\" }", ""),
    ];
    let operator = OPERATOR.replace("[\"127.0.0.1\"]", "[\"127.0.0.1\", \"::1\"]");
    let config = format!("default_registry = \"{host_name}\"\n");
    let parts = parts.map(|part| part.replace("version = \"1.2\"", "version = \"1.2.0\""));
    let start = || configured(&parts, &config, &operator).state_dir(state.path()).start();
    let host = start();
    let answer = host.app.get("/caller/dependency/environment/SECRET");
    assert_eq!(answer.header("x-passed"), Some("name-of-the-middleware"), "{}", answer.text());
    assert_eq!(host.app.get("/hello/").status, 200);
    let said = host.stderr();
    let found = format!("Found 1.10.0 for package test:hello 1.2.0 of the default registry: {}", digest(&program("hello_p2")));
    assert!(said.contains(&found) && said.contains(&format!("package test:around 0.1 of registry {host_name}")), "{said}");
    assert_eq!((said.matches("Fetched package").count(), kept(state.path())), (4, 4), "{said}");
    drop(host);

    let host = start();
    assert_eq!(host.stderr().matches("Fetch").count(), 0, "what is there is not fetched again: {}", host.stderr());
    drop(host);
    publish(&registry, "test/hello", "1.11.0", &program("tests_p2"));
    let host = start();
    assert_eq!(host.app.get("/hello/hello").text(), "hello", "a newer version is taken at the next start");
    assert_eq!((host.stderr().matches("Fetched").count(), kept(state.path())), (1, 5), "{}", host.stderr());
    drop(host);

    for (source, reason) in [
        ("{ package = \"test:hello\", version = \"3\" }", "the registry has 2.0.0, 1.11.0, 1.10.0, 1.9.0"),
        ("{ package = \"test:nothing\", version = \"1\" }", "its versions: the server answered 404 Not Found"),
        ("{ package = \"test:hello\", version = \"2\" }", "component \"far\""),
    ] {
        let ended = configured(&[component("far", source, "")], &config, &operator).fail();
        assert!(ended.code == Some(1) && ended.stderr.contains(reason), "{source}: {}", ended.stderr);
    }
}

type Heads = Arc<Mutex<Vec<String>>>;

/// A registry of our own making: told the head of a request, it answers with a status, headers and a body.
fn fake(answer: impl Fn(&str, &str) -> (u16, String, Vec<u8>) + Clone + Send + 'static) -> (String, Heads) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (address, heads) = (listener.local_addr().unwrap().to_string(), Heads::default());
    let (all, host) = (heads.clone(), address.clone());
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (answer, all, host) = (answer.clone(), all.clone(), host.clone());
            thread::spawn(move || serve(stream, &all, |head| answer(&host, head)));
        }
    });
    (address, heads)
}

fn serve(mut stream: TcpStream, heads: &Heads, answer: impl Fn(&str) -> (u16, String, Vec<u8>)) -> io::Result<()> {
    let (mut head, mut buffer) = (Vec::new(), [0; 4096]);
    while !head.windows(4).any(|window| window == b"\r\n\r\n") {
        match stream.read(&mut buffer)? {
            0 => return Ok(()),
            count => head.extend_from_slice(&buffer[..count]),
        }
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    heads.lock().unwrap().push(head.clone());
    let (status, headers, body) = answer(&head);
    write!(stream, "HTTP/1.1 {status} Said\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n", body.len())?;
    stream.write_all(&body)
}

fn path(head: &str) -> &str {
    head.split(' ').nth(1).unwrap_or_default().split('?').next().unwrap_or_default()
}

/// What a good registry says of version 1.0.0 of `test:hello`.
fn good(head: &str) -> (u16, String, Vec<u8>) {
    let wasm = program("hello_p2");
    let blob = format!("/v2/test/hello/blobs/{}", digest(&wasm));
    match path(head) {
        "/v2/test/hello/tags/list" => (200, String::new(), json!({ "name": "test/hello", "tags": ["1.0.0"] }).to_string().into_bytes()),
        "/v2/test/hello/manifests/1.0.0" => {
            (200, String::new(), image("application/wasm", &digest(&wasm), wasm.len()).to_string().into_bytes())
        }
        path if path == blob => (200, String::new(), wasm),
        _ => (404, String::new(), Vec::new()),
    }
}

/// An app that wants `test:hello` of this registry.
fn hello(registry: &str, config: &str, operator: &str) -> Setup {
    let source = format!("{{ registry = \"{registry}\", package = \"test:hello\", version = \"1\" }}");
    configured(&[component("far", &source, "")], config, operator)
}

fn serves(host: &Host) -> bool {
    host.app.get("/far/").status == 200
}

#[test]
fn a_token_that_everybody_gets_is_asked_for_and_told_to_no_other_server() {
    let (elsewhere, told_elsewhere) = fake(|_, head| good(&head.replace("/elsewhere", "/v2/test/hello/blobs")));
    let (registry, heads) = fake(move |host, head| {
        let is_known = head.contains("authorization: Bearer everybody");
        match path(head) {
            "/token" => (200, String::new(), br#"{"access_token":"everybody"}"#.to_vec()),
            path if path.starts_with("/v2/") && !is_known => {
                let challenge = format!("Bearer realm=\"http://{host}/token?of=us\",service=\"us\",scope=\"repository:test/hello:pull,x\"");
                (401, format!("www-authenticate: {challenge}\r\n"), Vec::new())
            }
            path if path.contains("/blobs/") => {
                let digest = path.rsplit('/').next().unwrap_or_default();
                (307, format!("location: http://{elsewhere}/elsewhere/{digest}\r\n"), Vec::new())
            }
            _ => good(head),
        }
    });
    assert!(serves(&hello(&registry, "", OPERATOR).start()));
    let (heads, elsewhere) = (heads.lock().unwrap().join("\n"), told_elsewhere.lock().unwrap().join("\n"));
    assert_eq!(heads.matches("GET /token?of=us&scope=repository%3Atest%2Fhello%3Apull%2Cx&service=us ").count(), 1, "{heads}");
    assert_eq!(heads.matches("authorization: Bearer everybody").count(), 4, "{heads}");
    assert!(elsewhere.starts_with("GET /elsewhere/sha256:") && !elsewhere.contains("authorization"), "{elsewhere}");
}

#[test]
fn a_registry_may_name_others_that_have_its_images() {
    let (images, _) = fake(|_, head| good(&head.replace("/v2/mirror/", "/v2/")));
    let (registry, heads) = fake(move |_, head| match path(head) {
        "/.well-known/wasm-pkg/registry.json" => {
            (200, String::new(), json!({ "oci": { "registry": images, "namespacePrefix": "mirror/" } }).to_string().into_bytes())
        }
        _ => (500, String::new(), Vec::new()),
    });
    assert!(serves(&hello(&registry, "", OPERATOR).start()));
    assert_eq!(heads.lock().unwrap().len(), 1, "it is only asked where they are");
}

/// A start that fails, and keeps nothing.
fn fail(setup: Setup) -> Ended {
    let state = tempfile::tempdir().unwrap();
    let ended = setup.state_dir(state.path()).fail();
    assert_eq!((ended.code, kept(state.path())), (Some(1), 0), "{}", ended.stderr);
    assert!(!ended.stderr.contains("panicked") && !ended.stdout.contains("Serving"), "{ended:?}");
    ended
}

#[test]
fn m19_a_registry_that_lies_or_fails_is_not_believed() {
    let said = |body: Value| (200, String::new(), body.to_string().into_bytes());
    let wasm = program("hello_p2");
    let (true_digest, size) = (digest(&wasm), wasm.len());
    let tags = "/v2/test/hello/tags/list";
    let manifest = "/v2/test/hello/manifests/1.0.0";
    let blob = format!("/v2/test/hello/blobs/{true_digest}");
    let metadata = "/.well-known/wasm-pkg/registry.json";
    let to = |place: &str| (302, format!("location: {place}\r\n"), Vec::new());
    let locked = |challenge: &str| (401, format!("www-authenticate: {challenge}\r\n"), Vec::new());
    for (at, answer, reasons) in [
        (tags, said(json!([])), vec!["its versions: "]),
        (tags, said(json!({ "tags": null })), vec!["the registry has no version of it"]),
        (tags, said(json!({ "tags": ["latest", "1"] })), vec!["the registry has no version of it"]),
        (tags, (200, String::new(), vec![b' '; (4 << 20) + 1]), vec!["larger than 4 MiB"]),
        (tags, to("http://169.254.169.254/"), vec!["169.254.169.254 may not be reached"]),
        (tags, locked("Basic realm=\"us\""), vec!["private registries are not spoken to"]),
        (tags, locked("Bearer service=\"us\""), vec!["does not say where to get a token"]),
        (tags, locked("Bearer realm=\"http://169.254.169.254/\""), vec!["169.254.169.254 may not be reached"]),
        (tags, locked("Bearer realm=\"file:///etc/passwd\""), vec!["its scheme is neither `http` nor `https`"]),
        (manifest, (404, String::new(), Vec::new()), vec!["version 1.0.0: the server answered 404"]),
        (manifest, said(json!({ "manifests": [] })), vec!["the image has 0 layers of the type `application/wasm`"]),
        (manifest, said(image("text/plain", &true_digest, size)), vec!["the image has 0 layers"]),
        (manifest, said(image("application/wasm", "sha512:00", size)), vec!["none of SHA-256"]),
        (manifest, said(image("application/wasm", "sha256:../../../../etc/passwd", size)), vec!["none of SHA-256"]),
        (manifest, said(image("application/wasm", &true_digest, 1 << 40)), vec!["its program is larger than 256 MiB"]),
        (&blob, (200, String::new(), b"\0asm something else".to_vec()), vec!["the registry asks for", true_digest.as_str(), "is broken"]),
        (&blob, (404, String::new(), Vec::new()), vec!["cannot be fetched: the server answered 404"]),
        (metadata, said(json!("?")), vec!["cannot read http://127.0.0.1"]),
        (metadata, said(json!({ "preferredProtocol": "warg" })), vec!["speaks `warg`"]),
        (metadata, said(json!({ "oci": { "registry": "10.0.0.1" } })), vec!["10.0.0.1 may not be reached"]),
    ] {
        let at = at.to_owned();
        let (registry, _) = fake(move |_, head| if path(head) == at { answer.clone() } else { good(head) });
        let ended = fail(hello(&registry, "", OPERATOR));
        for reason in reasons.into_iter().chain([format!("component \"far\": package test:hello 1 of registry {registry}").as_str()]) {
            assert!(ended.stderr.contains(reason), "{reason}: {}", ended.stderr);
        }
    }
}

#[test]
fn m19_what_cannot_be_asked_for_is_refused_before_anything_is_asked() {
    let (registry, heads) = fake(|_, head| good(head));
    let unknown = "{ package = \"test:hello\", version = \"1\" }";
    let ended = fail(configured(&[component("far", unknown, "")], "", OPERATOR));
    assert!(ended.stderr.contains("it is not known which registry the packages of `test` are in; write `registry`"), "{}", ended.stderr);
    for (config, reason) in [
        ("default_registry = 1", "wasm-pkg/config.toml"),
        ("[namespace_registries]\ntest = \"there\"\n[registry.there]\ntype = \"warg\"\n", "speaks `warg`"),
    ] {
        let ended = fail(configured(&[component("far", unknown, "")], config, OPERATOR));
        assert!(ended.stderr.contains(reason), "{reason}: {}", ended.stderr);
    }
    for (operator, reason) in
        [("", "127.0.0.1 may not be reached"), ("[outbound]\nallow_networks = [\"10.0.0.0/8\"]\n", "`allow_networks`")]
    {
        let ended = fail(hello(&registry, "", operator));
        assert!(ended.stderr.contains(reason), "{operator}: {}", ended.stderr);
    }
    assert!(heads.lock().unwrap().is_empty());
    // A registry that is not on this machine is asked over TLS alone.
    let config = format!("[registry.\"{registry}\".oci]\nprotocol = \"https\"\n");
    let ended = fail(hello(&registry, &config, OPERATOR));
    assert!(ended.stderr.contains(&format!("https://{registry}/.well-known/")), "{}", ended.stderr);
    assert!(heads.lock().unwrap().is_empty());
}
