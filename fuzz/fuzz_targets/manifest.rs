//! Any text as the manifest of an app, as the operator's file, as runtime configuration and as a lock: it is accepted and keeps what
//! the types promise, or it is refused at places that are in the text.
//!
//! This target knows what the readers promise. It must never know files.

#![no_main]

use libfuzzer_sys::fuzz_target;
use spell_manifest::{
    AddressRange, App, Component, DIAGNOSTICS_MAX, Diagnostic, ManifestError, OperatorConfig, RuntimeConfig, Setting, StaticResponse,
    Template, TriggerTarget, parse, parse_lock,
};
use spell_types::Limits;
use std::collections::{BTreeMap, BTreeSet};

/// Far more than the longest diagnostic has.
const DIAGNOSTIC_BYTES_MAX: usize = 4 << 10;

fuzz_target!(|text: &str| {
    match read_app(text) {
        Ok(app) => {
            check_app(&app);
            assert_eq!(read_app(&commented(text)).ok().as_ref(), Some(&app), "a comment at the end changes the app");
        }
        Err(error) => check_error(text, &error),
    }
    match OperatorConfig::parse(text, "spell.toml") {
        Ok(config) => {
            check_operator(&config);
            assert_eq!(OperatorConfig::parse(&commented(text), "spell.toml").ok(), Some(config), "a comment changes the settings");
        }
        Err(error) => check_error(text, &error),
    }
    if let Err(error) = RuntimeConfig::parse(text, "runtime-config.toml", "conf".as_ref()) {
        check_error(text, &error);
    }
    match parse_lock(text, "spin.lock", "app".as_ref(), &["local_service_chaining"]) {
        Ok(app) => check_app(&app),
        Err(error) => assert!(!error.to_string().contains(char::is_control), "it could command the terminal: {error}"),
    }
});

fn read_app(text: &str) -> Result<App, ManifestError> {
    parse(text, "spin.toml", "app".as_ref())
}

fn commented(text: &str) -> String {
    format!("{text}\n# the end")
}

fn check_error(text: &str, error: &ManifestError) {
    let ManifestError::Invalid(invalid) = error else { panic!("no file was read: {error}") };
    assert_eq!(invalid.text, text);
    let count = invalid.diagnostics.len();
    assert!((1..=DIAGNOSTICS_MAX).contains(&count), "{count} diagnostics");
    assert!(invalid.omitted == 0 || count == DIAGNOSTICS_MAX);
    let start = |diagnostic: &Diagnostic| diagnostic.span.as_ref().map_or(0, |span| span.start);
    assert!(invalid.diagnostics.is_sorted_by_key(start), "not in the order of the text");
    for Diagnostic { message, span, .. } in &invalid.diagnostics {
        assert!(!message.is_empty());
        if let Some(span) = span {
            assert!(text.get(span.clone()).is_some(), "{span:?} is no place in the text: {message}");
        }
    }
    let shown = error.to_string();
    assert!(shown.len() <= count * DIAGNOSTIC_BYTES_MAX, "{} bytes for {count} diagnostics", shown.len());
    assert!(!shown.chars().any(|c| c.is_control() && c != '\n'), "it could command the terminal: {shown:?}");
}

fn check_app(app: &App) {
    assert!(!app.name.is_empty());
    let component_ids: BTreeSet<&str> = app.components.iter().map(|component| component.id.as_str()).collect();
    assert_eq!(component_ids.len(), app.components.len(), "two components have one id");
    let trigger_ids: BTreeSet<&str> = app.triggers.iter().map(|trigger| trigger.id.as_str()).collect();
    assert_eq!(trigger_ids.len(), app.triggers.len(), "two triggers have one id");
    for trigger in &app.triggers {
        match &trigger.target {
            TriggerTarget::Component(id) => assert!(app.component(id).is_some(), "there is no {id}"),
            TriggerTarget::Static(response) => check_static(response),
        }
    }
    let values = app.resolve_variables(&BTreeMap::new(), |_| Some("value".to_owned())).expect("every variable has a value");
    for component in &app.components {
        check_component(component, &values);
    }
    let profiles: BTreeSet<&String> = app.components.iter().flat_map(|component| component.profiles.keys()).collect();
    for profile in profiles.into_iter().take(8) {
        let mut applied = app.clone();
        applied.apply_profile(profile).expect("a component has it");
        applied.components.iter().for_each(|component| check_component(component, &values));
    }
}

fn check_component(component: &Component, values: &BTreeMap<String, String>) {
    let resolve = |template: &Template| template.resolve(|name| values.get(name).map(String::as_str)).expect("all names are declared");
    for (_, template) in &component.variables {
        resolve(template);
    }
    for host in &component.allowed_outbound_hosts {
        resolve(&Template::parse(host).expect("was parsed before"));
    }
    assert!(component.build.as_ref().is_none_or(|build| !build.commands.is_empty()));
    for (position, dependency) in component.dependencies.iter().enumerate() {
        let mut others = component.dependencies.iter().skip(position + 1);
        assert!(others.all(|other| !dependency.name.overlaps(&other.name)), "{} overlaps with another", dependency.name);
    }
    if let Err(exceeded) = Limits::resolve(&Limits::default(), &Limits::unbounded(), &component.limits) {
        panic!("nothing exceeds no ceiling: {exceeded}");
    }
}

/// What the manifest lets through, the server must be able to send.
fn check_static(response: &StaticResponse) {
    assert!((200..=999).contains(&response.status_code));
    http::StatusCode::from_u16(response.status_code).expect("status");
    for (name, value) in &response.headers {
        http::HeaderName::try_from(name).expect(name);
        http::HeaderValue::try_from(value).expect(value);
    }
}

fn check_operator(config: &OperatorConfig) {
    for setting in Setting::ALL {
        assert!(setting.range().contains(&config.settings.get(setting)), "{}.{}", setting.table(), setting.key());
    }
    for range in config.allow_networks.iter().chain(&config.block_networks) {
        let shown = range.to_string();
        assert_eq!(shown.parse::<AddressRange>().as_ref(), Ok(range));
        let judged = spell_policy::parse_network(&shown).expect("the room that judges reads the same");
        assert_eq!((judged.addr(), judged.prefix_len()), (range.address, range.prefix_length));
    }
}
