//! The operator's file, and what reading must survive.

use spell_manifest::{OperatorConfig, Refusals, RuntimeConfig, Setting, Settings, parse, parse_lock};
use spell_types::{Limit, Limits};

#[test]
fn an_empty_file_changes_nothing() {
    let config = OperatorConfig::parse("", "spell.toml").unwrap();
    assert_eq!(config, OperatorConfig::default());
    assert_eq!(config.ceilings, Limits::unbounded());
    assert_eq!(config.settings, Settings::default());
}

#[test]
fn every_setting_and_every_limit_can_be_written() {
    let mut text = String::new();
    for table in ["defaults", "ceilings"] {
        text.push_str(&format!("[{table}]\n"));
        for limit in Limit::ALL {
            text.push_str(&format!("{} = \"{}\"\n", limit.key(), limit.unit().format(limit.default_value())));
        }
    }
    for table in Setting::TABLES {
        text.push_str(&format!("[{table}]\n"));
        for setting in Setting::ALL.into_iter().filter(|setting| setting.table() == table) {
            text.push_str(&format!("{} = \"{}\"\n", setting.key(), setting.unit().format(*setting.range().end())));
        }
    }
    let config = OperatorConfig::parse(&text, "spell.toml").unwrap();
    assert_eq!((&config.defaults, &config.ceilings), (&Limits::default(), &Limits::default()));
    assert!(Setting::ALL.into_iter().all(|setting| config.settings.get(setting) == *setting.range().end()));
}

#[test]
fn networks_are_read_and_bare_numbers_are_seconds_and_bytes() {
    let text =
        "[host]\nheader_time = 3\nheader_bytes = 8192\n[outbound]\nallow_networks = [\"127.0.0.0/8\", \"::1\"]\nidle_time = \"250ms\"\n";
    let config = OperatorConfig::parse(text, "spell.toml").unwrap();
    assert_eq!(config.allow_networks.iter().map(ToString::to_string).collect::<Vec<_>>(), ["127.0.0.0/8", "::1/128"]);
    assert_eq!(config.settings.time(Setting::HeaderTime).as_secs(), 3);
    assert_eq!(config.settings.time(Setting::OutboundIdleTime).as_millis(), 250);
    assert_eq!(config.settings.get(Setting::HeaderBytes), 8192);
}

#[test]
fn prices_are_cents_with_fractions_and_a_budget_is_whole_cents() {
    let text = "[prices]\nwasm_second = 0.1\nwasm_mebibyte = \"0.025\"\ngithub_minute = 2\nwasm_cents_min = 3\n[cast]\nbudget = 500\n";
    let config = OperatorConfig::parse(text, "spell.toml").unwrap();
    let price = |setting| config.settings.get(setting);
    assert_eq!((price(Setting::PriceWasmSecond), price(Setting::PriceWasmMebibyte)), (100_000, 25_000));
    assert_eq!((price(Setting::PriceGithubMinute), price(Setting::PriceWasmMin)), (2_000_000, 3));
    assert_eq!(config.budget_cents, Some(500));
    assert_eq!(OperatorConfig::parse("[cast]\nbudget = 0\n", "spell.toml").unwrap().budget_cents, Some(0));
}

#[test]
fn refusals_are_enforced_or_counted_and_nothing_else() {
    for (text, expected) in
        [("", Refusals::Enforce), ("refusals = \"enforce\"", Refusals::Enforce), ("refusals = \"count\"", Refusals::Count)]
    {
        let config = OperatorConfig::parse(&format!("[outbound]\n{text}\n"), "spell.toml").unwrap();
        assert_eq!(config.refusals, expected);
    }
    let error = OperatorConfig::parse("[outbound]\nrefusals = \"ignore\"\n", "spell.toml").unwrap_err().to_string();
    assert!(error.contains("`ignore` is no way to treat refusals"), "{error}");
}

#[test]
fn spells_may_ask_for_the_network_unless_the_operator_says_otherwise() {
    for (text, expected) in [("", true), ("[cast]\nconcurrency = 1\n", true), ("[cast]\nnetwork = false\n", false)] {
        assert_eq!(OperatorConfig::parse(text, "spell.toml").unwrap().cast_network, expected, "{text}");
    }
    let error = OperatorConfig::parse("[cast]\nnetwork = \"no\"\n", "spell.toml").unwrap_err().to_string();
    assert!(error.contains("network"), "{error}");
}

#[test]
fn no_text_makes_reading_panic() {
    let strange = ["[".repeat(10_000), "a.".repeat(10_000), "a=[".repeat(10_000), "\u{feff}\0".to_owned(), "ä = \"".to_owned()];
    let broken = [
        include_str!("ui/valid/maximal.toml"),
        include_str!("ui/valid/m02_version_1.toml"),
        include_str!("ui/valid/m08_dependencies.toml"),
        include_str!("ui/valid/triggers.toml"),
        include_str!("ui/runtime_config/valid/maximal.toml"),
    ];
    for text in broken.into_iter().flat_map(damaged).chain(strange.clone()) {
        let operator = OperatorConfig::parse(&text, "x").err();
        let runtime = RuntimeConfig::parse(&text, "x", "app".as_ref()).err();
        for error in [parse(&text, "x", "app".as_ref()).err(), operator, runtime].into_iter().flatten() {
            assert!(!error.to_string().is_empty());
            assert!(error.diagnostics().len() <= spell_manifest::DIAGNOSTICS_MAX);
        }
    }
    for text in damaged(include_str!("ui/lock/valid/maximal.json")).into_iter().chain(strange) {
        if let Err(error) = parse_lock(&text, "x", "app".as_ref(), &[]) {
            assert!(!error.to_string().chars().any(char::is_control), "{error}");
        }
    }
}

/// A text cut off at every place, and without each of its lines.
fn damaged(text: &str) -> Vec<String> {
    let cuts = (0..=text.len()).filter_map(|end| text.get(..end).map(str::to_owned));
    let holes = text.lines().enumerate().map(|(skipped, _)| {
        text.lines().enumerate().filter(|(line, _)| *line != skipped).map(|(_, line)| line).collect::<Vec<_>>().join("\n")
    });
    cuts.chain(holes).collect()
}

#[test]
fn a_large_file_full_of_mistakes_is_refused_in_time() {
    let mut text = "spin_manifest_version = 2\napplication = { name = \"x\" }\n".to_owned();
    for number in 0..8_000 {
        text.push_str(&format!("[component.some-component-w{number}]\nsource = \"x\"\n[[trigger.http]]\nroute = \"/\"\ncomponent = \"some-componnet-w{number}\"\n"));
    }
    let started = std::time::Instant::now();
    let error = parse(&text, "x", "app".as_ref()).unwrap_err();
    assert!(error.to_string().ends_with("error: 7968 more like these"));
    assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
}
