//! GitHub as an engine, put together from the operator's file: who this host is there, and how it asks.
//!
//! It knows files and the two rooms that meet here. It must never know what is asked of GitHub.

use crate::grants::addresses;
use anyhow::{Context, Result, anyhow, bail};
use bytes::Bytes;
use http::{Request, Response};
use spell_capabilities::{FetchFailure, FetchRules, Fetcher, TlsRoots};
use spell_github::{AppKey, Credentials, GitHub, Polling, Repositories, Secret, Setup, Web, WebError};
use spell_manifest::{GithubLogin, OperatorConfig, Setting};
use spell_types::BoxFuture;
use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Longest time of a question, its answer included. Large artifacts take a while.
const WHOLE_TIME_MAX: Duration = Duration::from_secs(5 * 60);
/// Bytes of a file with a secret at most.
const SECRET_BYTES_MAX: u64 = 64 << 10;
/// Rights of others than the owner to read or write.
const OTHERS: u32 = 0o066;

/// GitHub, if the operator has set it up.
pub(crate) fn open(config: &OperatorConfig) -> Result<Option<GitHub>> {
    let Some(table) = &config.github else { return Ok(None) };
    let settings = &config.settings;
    let credentials = match &table.login {
        GithubLogin::Token(path) => Credentials::Token(secret("github.token_file", path)?),
        GithubLogin::App { app_id, installation_id, private_key_file } => {
            let pem = read("github.private_key_file", private_key_file)?;
            let key = AppKey::from_pem(&pem).with_context(|| private_key_file.display().to_string())?;
            Credentials::App { app_id: app_id.clone(), installation_id: *installation_id, key }
        }
    };
    let setup = Setup {
        api_url: table.api_url.clone(),
        credentials,
        webhook_secret: table.webhook_secret_file.as_deref().map(|path| secret("github.webhook_secret_file", path)).transpose()?,
        repositories: Repositories::new(&table.repositories)?,
        polling: Polling {
            interval: settings.time(Setting::GithubPollInterval),
            interval_max: settings.time(Setting::GithubPollIntervalMax),
            find_time_max: settings.time(Setting::GithubFindTime),
        },
        artifact_bytes_max: settings.get(Setting::GithubArtifact),
        runs_max: usize::try_from(settings.get(Setting::GithubRuns))?,
    };
    let rules = FetchRules {
        addresses: addresses(config)?,
        connect_timeout: settings.time(Setting::ConnectTime),
        first_byte_timeout: settings.time(Setting::FirstByteTime),
        between_bytes_timeout: settings.time(Setting::OutboundIdleTime),
        whole_timeout: WHOLE_TIME_MAX,
    };
    Ok(Some(GitHub::new(Arc::new(Fetched(Fetcher::new(rules, &TlsRoots::machine()?))), setup)))
}

/// Asks as the host fetches: addresses are judged, and everything has a time and a size.
struct Fetched(Fetcher);

impl Web for Fetched {
    fn call(&self, request: Request<Bytes>, bytes_max: u64) -> BoxFuture<'_, Result<Response<Bytes>, WebError>> {
        Box::pin(async move {
            self.0.call(request, bytes_max).await.map_err(|error| {
                let reason = error.to_string();
                match error.failure {
                    FetchFailure::BadUrl(_) | FetchFailure::AddressRefused(_) => WebError::NotSent(reason),
                    FetchFailure::TooLarge(_) => WebError::TooLarge(reason),
                    _ => WebError::NoAnswer(reason),
                }
            })
        })
    }
}

fn secret(key: &str, path: &Path) -> Result<Secret> {
    let bytes = read(key, path)?;
    let text = std::str::from_utf8(&bytes).ok().map(str::trim).filter(|text| !text.is_empty());
    let is_word = |text: &&str| text.bytes().all(|byte| (0x20..0x7f).contains(&byte));
    let text = text.filter(is_word).ok_or_else(|| anyhow!("{key}: {} is not one line of text", path.display()))?;
    Ok(Secret::new(text))
}

/// A file that its owner alone can read.
fn read(key: &str, path: &Path) -> Result<Vec<u8>> {
    let shown = path.display();
    let file = File::open(path).with_context(|| format!("{key}: cannot read {shown}"))?;
    if file.metadata()?.permissions().mode() & OTHERS != 0 {
        bail!("{key}: {shown} can be read by others than its owner: run `chmod 600 {shown}`");
    }
    let mut bytes = Vec::new();
    file.take(SECRET_BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(bytes)
}
