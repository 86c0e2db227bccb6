//! The whole decision over a URL, as far as this room takes it: parsed, asked for, and its address judged.

use crate::table;
use crate::{AddressPolicy, AllowedHosts, Destination, Host};

const NARROW: &[&str] = &[
    "http://allowed.example",
    "https://*.wild.example:8443",
    "http://bücher.example",
    "http://*.below.localhost",
    "http://10.0.0.5",
    "http://192.0.2.0/24:8080",
    "https://[2606:4700::]/32",
    "http://ranged.example:4000..4002",
];
const WEB: &[&str] = &["http://*:80", "https://*:443"];
const ALL: &[&str] = &["*://*:*"];

fn verdict(entries: &[&str], url: &str) -> &'static str {
    let allowed = AllowedHosts::parse(entries.iter().copied()).unwrap();
    let parsed = url.split_once("://").map(|(scheme, authority)| Destination::parse(scheme, authority));
    let Some(Ok(destination)) = parsed else { return "bad-destination" };
    if !allowed.allows(&destination) {
        return "not-allowed";
    }
    match destination.host() {
        Host::Address(address) if AddressPolicy::default().check(*address).is_err() => "address-refused",
        _ => "allowed",
    }
}

#[test]
fn no_url_is_confused() {
    table::check(include_str!("destination/urls.tsv"), 300, |row| {
        let (list, url) = row.split_once('\t').expect(row);
        let entries = match list {
            "narrow" => NARROW,
            "web" => WEB,
            "all" => ALL,
            _ => panic!("no such list: {list}"),
        };
        verdict(entries, &table::unescaped(url)).to_owned()
    });
}
