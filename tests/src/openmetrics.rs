//! OpenMetrics as text, read strictly: what a scraper would refuse fails the test. It must never know what a metric means.
//!
//! After the specification, OpenMetrics 1.0 (<https://prometheus.io/docs/specs/om/open_metrics_spec/>), as far as the host writes it.

use std::collections::{BTreeMap, BTreeSet};

/// Labels of a sample, by their names.
type Labels = BTreeMap<String, String>;

/// Everything that was scraped.
#[derive(Debug, Default)]
pub struct Scrape {
    samples: BTreeMap<(String, Labels), f64>,
}

impl Scrape {
    /// Reads a text, or fails the test.
    pub fn parse(text: &str) -> Self {
        let body = text.strip_suffix("# EOF\n").expect("the text ends with `# EOF`");
        let (mut scrape, mut families, mut family) = (Self::default(), BTreeSet::new(), None);
        for line in body.lines() {
            if let Some(described) = line.strip_prefix("# ") {
                let [kind, name, rest] = described.splitn(3, ' ').collect::<Vec<_>>()[..] else { panic!("no description: {line}") };
                match kind {
                    "HELP" => assert!(families.insert(name.to_owned()), "{name} is described twice"),
                    "TYPE" => family = Some((name.to_owned(), rest.to_owned())),
                    "UNIT" => assert!(name.ends_with(&format!("_{rest}")), "{name} does not end with its unit"),
                    _ => panic!("no description: {line}"),
                }
                continue;
            }
            let (name, labels, value) = sample(line);
            let (of, kind) = family.as_ref().expect("a type before the first sample");
            let suffix = name.strip_prefix(of.as_str()).unwrap_or_else(|| panic!("{name} stands below {of}"));
            let is_one = match kind.as_str() {
                "counter" => suffix == "_total" && value >= 0.0,
                "gauge" => suffix.is_empty(),
                "histogram" => matches!(suffix, "_bucket" | "_sum" | "_count"),
                _ => panic!("nothing is a {kind}"),
            };
            assert!(is_one, "no sample of a {kind}: {line}");
            assert!(scrape.samples.insert((name, labels), value).is_none(), "it is there twice: {line}");
        }
        scrape.check_histograms();
        scrape
    }

    /// The value of a sample, which must be there.
    pub fn value(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let wanted = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let found = self.samples.get(&(name.to_owned(), wanted));
        *found.unwrap_or_else(|| panic!("{name} has no {labels:?}, but {:?}", labels_of(self, name)))
    }

    /// How many samples a metric has.
    pub fn count(&self, name: &str) -> usize {
        labels_of(self, name).len()
    }

    /// Buckets grow, and the last one is the count.
    fn check_histograms(&self) {
        let mut before: Option<(Labels, f64, f64)> = None;
        let mut buckets: Vec<(&String, Labels, f64, f64)> = Vec::new();
        for ((name, labels), value) in &self.samples {
            if let (Some(base), Some(bound)) = (name.strip_suffix("_bucket"), labels.get("le")) {
                let mut rest = labels.clone();
                rest.remove("le");
                let bound = if bound == "+Inf" { f64::INFINITY } else { bound.parse().expect("a bound") };
                if bound.is_infinite() {
                    assert_eq!(self.samples.get(&(format!("{base}_count"), rest.clone())), Some(value), "{name} {rest:?}");
                }
                buckets.push((name, rest, bound, *value));
            }
        }
        buckets.sort_by(|one, other| (one.0, &one.1).cmp(&(other.0, &other.1)).then(one.2.total_cmp(&other.2)));
        for (name, labels, bound, value) in buckets {
            if let Some((same, _, less)) = before.as_ref().filter(|(same, lower, _)| *same == labels && *lower < bound) {
                assert!(*less <= value, "{name} {same:?} shrinks at {bound}");
            }
            before = Some((labels, bound, value));
        }
    }
}

fn labels_of<'a>(scrape: &'a Scrape, name: &str) -> Vec<&'a Labels> {
    scrape.samples.keys().filter(|(found, _)| found == name).map(|(_, labels)| labels).collect()
}

/// A line such as `name{label="value"} 1.0`.
fn sample(line: &str) -> (String, Labels, f64) {
    let end = line.find(['{', ' ']).unwrap_or_else(|| panic!("no sample: {line}"));
    let (name, mut rest) = line.split_at(end);
    let is_name = |text: &str| {
        text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
            && text.chars().all(|character| character.is_ascii_alphanumeric() || character == '_')
    };
    assert!(is_name(name), "no name: {line}");
    let mut labels = Labels::new();
    if let Some(inner) = rest.strip_prefix('{') {
        rest = inner;
        while !rest.starts_with('}') {
            let (label, value) = rest.split_once("=\"").unwrap_or_else(|| panic!("no label: {line}"));
            let label = label.strip_prefix(',').unwrap_or(label);
            let (value, after) = value.split_once('"').unwrap_or_else(|| panic!("no value: {line}"));
            assert!(is_name(label) && !value.contains(['\\', '\n']), "no label: {line}");
            assert!(labels.insert(label.to_owned(), value.to_owned()).is_none(), "a label is there twice: {line}");
            rest = after;
        }
        rest = &rest[1..];
    }
    let value = rest.strip_prefix(' ').and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("no value: {line}"));
    (name.to_owned(), labels, value)
}
