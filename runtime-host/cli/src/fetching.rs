//! Fetches the programs of an app that are at URLs, before anything is made of them.
//!
//! It knows what is wanted, what is there, and what is shown meanwhile. It must never believe a server: a program is what its digest says,
//! or it is not kept.

use crate::fetched::{Fetched, digest_of};
use crate::grants::addresses;
use anyhow::{Context, Result, anyhow, bail};
use sha2::{Digest as _, Sha256};
use spell_capabilities::{FetchRules, Fetcher, TlsRoots};
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
}

/// Fetches what is wanted and not there yet. Programs of the same digest are one.
pub(crate) fn fetch(sources: &[(String, &Source)], fetched: &Fetched, config: &OperatorConfig) -> Result<()> {
    let mut asked: BTreeMap<&str, Option<Wanted>> = BTreeMap::new();
    for (whose, source) in sources {
        let Source::Url { url, digest } = source else { continue };
        if !asked.contains_key(digest.as_str()) {
            let wanted = || Wanted { whose: whose.clone(), source: (*source).clone(), url: url.clone(), digest: digest.clone() };
            let is_there = fetched.has(digest).with_context(|| whose.clone())?;
            asked.insert(digest, (!is_there).then(wanted));
        }
    }
    let missing: Vec<Wanted> = asked.values_mut().filter_map(Option::take).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let fetcher = Arc::new(Fetcher::new(rules(config)?, &TlsRoots::machine()?));
    // A thread of its own: whoever makes an app may be on one that has a runtime, or on one that has none.
    let fetching = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let ended = runtime.block_on(fetch_all(missing, &fetcher, fetched));
        // A name lookup that is still under way is not waited for.
        runtime.shutdown_background();
        ended
    };
    thread::scope(|scope| scope.spawn(fetching).join()).map_err(|_| anyhow!("programs could not be fetched: the host failed"))??;
    fetched.tidy(&asked.into_keys().collect::<BTreeSet<_>>())
}

fn rules(config: &OperatorConfig) -> Result<FetchRules> {
    let settings = &config.settings;
    Ok(FetchRules {
        addresses: addresses(config)?,
        connect_timeout: settings.time(Setting::ConnectTime),
        first_byte_timeout: settings.time(Setting::FirstByteTime),
        between_bytes_timeout: settings.time(Setting::OutboundIdleTime),
        whole_timeout: WHOLE_TIME_MAX,
        bytes_max: spell_compose::PROGRAM_BYTES_MAX as u64,
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
    let Wanted { whose, source, url, digest } = &wanted;
    let context = || format!("{whose}: {source} cannot be fetched");
    eprintln!("Fetching {source} for {whose}");
    let (mut part, mut hasher, mut progress) = (fetched.begin()?, Sha256::new(), Progress::start());
    let mut sink = |bytes: &[u8], expected: Option<u64>| {
        hasher.update(bytes);
        part.write_all(bytes)?;
        progress.tell(source, bytes.len() as u64, expected);
        Ok(())
    };
    fetcher.fetch(url, &mut sink).await.with_context(context)?;
    let found = digest_of(hasher);
    if found != *digest {
        let what = format!("what is there has the digest {found}, and the app asks for {digest}");
        bail!("{}: {what}; if the new one is to be trusted, write its digest", context());
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
