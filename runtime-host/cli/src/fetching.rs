//! Fetches the programs of an app that are at URLs and in registries, before anything is made of them.
//!
//! It knows what is wanted, what is there, and what is shown meanwhile. It must never believe a server: a program is what its digest says,
//! or it is not kept.

use crate::fetched::{Fetched, digest_of};
use crate::grants::addresses;
use crate::packages::Packages;
use anyhow::{Context, Result, anyhow, bail};
use sha2::{Digest as _, Sha256};
use spell_capabilities::{Ask, FetchRules, Fetcher, TlsRoots};
use spell_manifest::{OperatorConfig, Setting, Source};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// Programs that are fetched at the same time.
const AT_ONCE_MAX: usize = 4;
/// Longest time that fetching one program may take.
const WHOLE_TIME_MAX: Duration = Duration::from_secs(15 * 60);
/// How often it is told how much has arrived.
const TELL_INTERVAL: Duration = Duration::from_secs(2);

/// A program that is to be fetched.
#[derive(Debug)]
struct Wanted {
    whose: String,
    source: Source,
    url: String,
    digest: String,
    authorization: Option<String>,
}

/// Fetches what is wanted and not there yet, and says which packages were found. Programs of the same digest are one.
pub(crate) fn fetch(sources: &[(String, &Source)], fetched: &Fetched, config: &OperatorConfig) -> Result<Packages> {
    if sources.iter().all(|(_, source)| matches!(source, Source::File(_))) {
        return Ok(Packages::default());
    }
    let fetcher = Arc::new(Fetcher::new(rules(config)?, &TlsRoots::machine()?));
    // A thread of its own: whoever makes an app may be on one that has a runtime, or on one that has none.
    let fetching = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let ended = runtime.block_on(find_and_fetch(sources, &fetcher, fetched));
        // A name lookup that is still under way is not waited for.
        runtime.shutdown_background();
        ended
    };
    thread::scope(|scope| scope.spawn(fetching).join()).map_err(|_| anyhow!("programs could not be fetched: the host failed"))?
}

async fn find_and_fetch(sources: &[(String, &Source)], fetcher: &Arc<Fetcher>, fetched: &Fetched) -> Result<Packages> {
    let packages = sources.iter().filter(|(_, source)| matches!(source, Source::Registry { .. }));
    let packages: Vec<_> = packages.map(|(whose, source)| (whose.clone(), (*source).clone())).collect();
    let packages = Packages::find(&packages, fetcher).await?;
    let mut asked: BTreeMap<String, Option<Wanted>> = BTreeMap::new();
    for (whose, source) in sources {
        let Some(wanted) = wanted(whose, source, &packages) else { continue };
        if !asked.contains_key(&wanted.digest) {
            let is_there = fetched.has(&wanted.digest).with_context(|| whose.clone())?;
            asked.insert(wanted.digest.clone(), (!is_there).then_some(wanted));
        }
    }
    let missing: Vec<Wanted> = asked.values_mut().filter_map(Option::take).collect();
    if !missing.is_empty() {
        fetch_all(missing, fetcher, fetched).await?;
        fetched.tidy(&asked.keys().map(String::as_str).collect::<BTreeSet<_>>())?;
    }
    Ok(packages)
}

/// What is to be fetched for a source; nothing for a file.
fn wanted(whose: &str, source: &Source, packages: &Packages) -> Option<Wanted> {
    let (url, digest, authorization) = match source {
        Source::File(_) => return None,
        Source::Url { url, digest } => (url.clone(), digest.clone(), None),
        Source::Registry { .. } => {
            let found = packages.get(source)?;
            (found.url.clone(), found.digest.clone(), found.authorization.clone())
        }
    };
    Some(Wanted { whose: whose.to_owned(), source: source.clone(), url, digest, authorization })
}

fn rules(config: &OperatorConfig) -> Result<FetchRules> {
    let settings = &config.settings;
    Ok(FetchRules {
        addresses: addresses(config)?,
        connect_timeout: settings.time(Setting::ConnectTime),
        first_byte_timeout: settings.time(Setting::FirstByteTime),
        between_bytes_timeout: settings.time(Setting::OutboundIdleTime),
        whole_timeout: WHOLE_TIME_MAX,
    })
}

/// Fetches some at a time. The first that fails ends the others, of which nothing stays.
async fn fetch_all(missing: Vec<Wanted>, fetcher: &Arc<Fetcher>, fetched: &Fetched) -> Result<()> {
    let (mut missing, mut under_way) = (missing.into_iter(), JoinSet::new());
    loop {
        while under_way.len() < AT_ONCE_MAX
            && let Some(wanted) = missing.next()
        {
            under_way.spawn(fetch_one(wanted, fetcher.clone(), fetched.clone()));
        }
        match under_way.join_next().await {
            Some(ended) => ended??,
            None => return Ok(()),
        }
    }
}

async fn fetch_one(wanted: Wanted, fetcher: Arc<Fetcher>, fetched: Fetched) -> Result<()> {
    let Wanted { whose, source, url, digest, authorization } = &wanted;
    let context = || format!("{whose}: {source} cannot be fetched");
    eprintln!("Fetching {source} for {whose}");
    let (mut part, mut hasher, mut progress) = (fetched.begin()?, Sha256::new(), Progress::start());
    let mut sink = |bytes: &[u8], expected: Option<u64>| {
        hasher.update(bytes);
        part.write_all(bytes)?;
        progress.tell(source, bytes.len() as u64, expected);
        Ok(())
    };
    let bytes_max = spell_compose::PROGRAM_BYTES_MAX as u64;
    let asked = Ask { url, accept: "*/*", authorization: authorization.as_deref(), bytes_max };
    fetcher.fetch(asked, &mut sink).await.with_context(context)?;
    let found = digest_of(hasher);
    if found != *digest {
        let (by, advice) = match source {
            Source::Registry { .. } => ("the registry", "the registry is broken, or what it says was changed on the way"),
            _ => ("the app", "if the new one is to be trusted, write its digest"),
        };
        bail!("{}: what is there has the digest {found}, and {by} asks for {digest}; {advice}", context());
    }
    fetched.keep(part, digest).with_context(|| whose.clone())?;
    eprintln!("Fetched {source}: {} in {:.1?}", size(progress.bytes), progress.started.elapsed());
    Ok(())
}

/// How much of a program has arrived.
struct Progress {
    bytes: u64,
    started: Instant,
    told_at: Instant,
}

impl Progress {
    fn start() -> Self {
        let now = Instant::now();
        Self { bytes: 0, started: now, told_at: now }
    }

    fn tell(&mut self, source: &Source, bytes: u64, expected: Option<u64>) {
        self.bytes += bytes;
        if self.told_at.elapsed() >= TELL_INTERVAL {
            self.told_at = Instant::now();
            let of = expected.map(|expected| format!(" of {}", size(expected))).unwrap_or_default();
            eprintln!("Fetching {source}: {}{of}", size(self.bytes));
        }
    }
}

fn size(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}
