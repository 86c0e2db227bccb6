//! The sample app, as a newcomer meets it: every route of `spin.toml`, end to end.

use serde_json::json;
use spell_tests::{Client, Host, Setup, Upstream, guest, workspace};

/// Built by `make components`, like the test guests.
const COMPONENTS: [&str; 5] = ["hello", "guestbook", "weather", "settings", "wordcount"];

fn setup() -> Setup {
    COMPONENTS.iter().for_each(|name| drop(guest(name)));
    Setup::of_file(&workspace().join("spin.toml"))
}

fn start_with_weather(upstream: &Upstream) -> Host {
    let weather = format!("weather_url={}", upstream.url(""));
    setup().operator("[outbound]\nallow_networks = [\"127.0.0.0/8\"]\n").arguments(&["--variable", &weather]).start()
}

#[test]
fn the_sample_app_does_what_its_routes_promise() {
    let upstream = Upstream::start(r#"{"current":{"temperature_2m":21.5,"wind_speed_10m":7}}"#);
    let host = start_with_weather(&upstream);
    for (name, greeting) in [("Ada", "Hello, Ada!"), ("J%C3%BCrgen", "Hello, Jürgen!")] {
        let answer = host.app.get(&format!("/hello/{name}"));
        assert!(answer.is_success());
        assert_eq!(answer.text(), greeting);
    }
    assert_eq!(host.app.get("/hello").status, 404);
    guestbook(host.app);
    let weather = host.app.get("/weather/berlin");
    assert!(weather.is_success(), "{}", weather.text());
    assert_eq!(weather.json()["temperature_celsius"], json!(21.5));
    assert_eq!(host.app.get("/weather/atlantis").status, 404);
    assert!(upstream.requests().iter().all(|head| head.contains("latitude=52.52")), "{:?}", upstream.requests());
    let words = host.app.request("POST", "/wordcount").body("one two\nthree grüß\n").send();
    assert_eq!(words.json(), json!({ "lines": 2, "words": 4, "chars": 19, "bytes": 21 }));
    assert_eq!(host.app.get("/wordcount").status, 405);
    assert!(host.stdout().contains("/hello/:name"), "{}", host.stdout());
}

fn guestbook(app: Client) {
    assert_eq!(app.get("/guestbook").json(), json!([]));
    let added = app.request("POST", "/guestbook").body(r#"{"name":"Ada","message":"Hi"}"#).send();
    assert_eq!(added.status, 201, "{}", added.text());
    let id = added.json()["id"].as_str().map(str::to_owned).unwrap_or_else(|| added.json()["id"].to_string());
    let entries = app.get("/guestbook").json();
    assert_eq!((entries.as_array().map(Vec::len), &entries[0]["message"]), (Some(1), &json!("Hi")));
    assert_eq!(app.request("POST", "/guestbook").body("no JSON").send().status, 400);
    assert_eq!(app.request("POST", "/guestbook").body(vec![b'x'; 100_000]).send().status, 413);
    assert_eq!(app.request("PUT", "/guestbook").send().status, 405);
    assert_eq!(app.request("DELETE", &format!("/guestbook/{id}")).send().status, 204);
    assert_eq!(app.request("DELETE", &format!("/guestbook/{id}")).send().status, 404);
    assert_eq!(app.get("/guestbook").json(), json!([]));
}

#[test]
fn settings_show_variables_and_environment_but_no_secret() {
    let host = setup()
        .environment("LANG", "C.UTF-8")
        .environment("HOME", "/nowhere")
        .arguments(&["--variable", "greeting=Moin", "--variable", "api_token=hunter2"])
        .start();
    let settings = host.app.get("/settings");
    assert!(settings.is_success() && !settings.text().contains("hunter2"), "{}", settings.text());
    let expected = json!({
        "greeting": "Moin",
        "api_token": { "is_set": true, "length_bytes": 7 },
        "environment": { "APP_MODE": "sample", "LANG": "C.UTF-8" },
    });
    assert_eq!(settings.json(), expected);
}

#[test]
fn the_weather_is_out_of_reach_where_the_operator_did_not_grant_it() {
    let upstream = Upstream::start("{}");
    let weather = format!("weather_url={}", upstream.url(""));
    let host = setup().arguments(&["--variable", &weather]).start();
    let answer = host.app.get("/weather/berlin");
    assert_eq!((answer.status, answer.json()), (403, json!({ "error": "destination-IP-prohibited" })));
    assert_eq!(upstream.requests().len(), 0);
}
