//! A package in a registry that speaks OCI's distribution protocol: which versions there are, and which program each is.
//!
//! It knows that protocol, as far as it takes to find a program without an account. It must never believe more of what it is told than a
//! digest.
//!
//! Sources: the distribution specification of OCI 1.1 (tags, manifests), the guidance of CNCF's TAG Runtime for WebAssembly in OCI
//! (media types), the token authentication specification of the Distribution project, and `wasm-pkg` (`registry.json`, names).

use super::Found;
use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use spell_capabilities::{Ask, FetchFailure, Fetcher};
use spell_manifest::{REGISTRY_METADATA_PATH, RegistryMetadata, RegistryPlace};
use std::collections::BTreeSet;
use url::Url;

/// Most bytes of anything that a registry says.
const ANSWER_BYTES_MAX: u64 = 4 << 20;
/// Most versions that are asked for at once, and most times that is done.
const TAGS_MAX: usize = 1_000;
const TAG_PAGES_MAX: usize = 20;
const ANYTHING: &str = "*/*";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// What a program is, and what it was before there was a standard.
const PROGRAMS: [&str; 2] = ["application/wasm", "application/vnd.wasm.content.layer.v1+wasm"];

/// The images of one package.
pub(super) struct Repository<'a> {
    fetcher: &'a Fetcher,
    /// `https://registry/v2/name`.
    base: String,
    name: String,
    authorization: Option<String>,
}

#[derive(Deserialize)]
struct Tags {
    tags: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Manifest {
    #[serde(default)]
    layers: Vec<Layer>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Layer {
    media_type: String,
    digest: String,
    size: u64,
}

#[derive(Deserialize)]
struct Token {
    token: Option<String>,
    /// What some servers call it.
    access_token: Option<String>,
}

impl<'a> Repository<'a> {
    /// The images of a package; what is not known of its registry, the registry is asked for.
    pub(super) async fn open(
        (place, known): (RegistryPlace, Option<RegistryMetadata>),
        package: &str,
        fetcher: &'a Fetcher,
    ) -> Result<Repository<'a>> {
        let metadata = match known {
            Some(metadata) => metadata,
            None => introduction(&place, fetcher).await?,
        };
        let (place, prefix) = metadata.images(place)?;
        let name = format!("{prefix}{}", package.replace(':', "/"));
        Ok(Repository { fetcher, base: format!("{}://{}/v2/{name}", place.scheme, place.registry), name, authorization: None })
    }

    /// All tags, of which some are versions. Registries that name some at a time are asked until they name no new one.
    pub(super) async fn tags(&mut self) -> Result<Vec<String>> {
        let (mut all, mut last) = (BTreeSet::new(), String::new());
        for _ in 0..TAG_PAGES_MAX {
            let mut url = Url::parse(&format!("{}/tags/list", self.base))?;
            url.query_pairs_mut().append_pair("n", &TAGS_MAX.to_string());
            if !last.is_empty() {
                url.query_pairs_mut().append_pair("last", &last);
            }
            let tags = self.ask::<Tags>(url.as_str(), ANYTHING).await.context("its versions")?.tags.unwrap_or_default();
            let before = all.len();
            last = tags.last().cloned().unwrap_or_default();
            all.extend(tags);
            if all.len() == before {
                break;
            }
        }
        Ok(all.into_iter().collect())
    }

    /// The digest of the program that is there under a tag.
    pub(super) async fn program(&mut self, tag: &str) -> Result<String> {
        let manifest: Manifest = self.ask(&format!("{}/manifests/{tag}", self.base), MANIFEST).await?;
        let is_program = |layer: &&Layer| PROGRAMS.contains(&layer.media_type.as_str());
        let mut programs = manifest.layers.iter().filter(is_program);
        let (Some(program), None) = (programs.next(), programs.next()) else {
            let count = manifest.layers.iter().filter(is_program).count();
            bail!("the image has {count} layers of the type `{}`, and has to have one", PROGRAMS[0]);
        };
        if program.size > spell_compose::PROGRAM_BYTES_MAX as u64 {
            bail!("its program is larger than {} MiB", spell_compose::PROGRAM_BYTES_MAX >> 20);
        }
        let digits = program.digest.strip_prefix("sha256:").unwrap_or_default();
        if digits.len() != 64 || !digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
            bail!("its program has the digest {:?}, which is none of SHA-256", program.digest);
        }
        Ok(program.digest.clone())
    }

    /// Where the program of this digest is.
    pub(super) fn found(self, digest: String) -> Found {
        Found { url: format!("{}/blobs/{digest}", self.base), digest, authorization: self.authorization }
    }

    /// Asks for something, and once more with the token that the registry gives to everybody, if it wants one.
    async fn ask<T: DeserializeOwned>(&mut self, url: &str, accept: &'static str) -> Result<T> {
        let answer = get(self.fetcher, url, accept, self.authorization.as_deref()).await;
        let challenge = match answer {
            Err(FetchFailure::Unauthorized { challenge }) if self.authorization.is_none() => challenge,
            answer => return Ok(serde_json::from_slice(&answer?)?),
        };
        self.authorization = Some(self.token(&challenge).await.context("the registry asks who wants it")?);
        Ok(serde_json::from_slice(&get(self.fetcher, url, accept, self.authorization.as_deref()).await?)?)
    }

    async fn token(&self, challenge: &str) -> Result<String> {
        let parameters = parameters(challenge).context("and not in a way that can be answered; private registries are not spoken to")?;
        let parameter = |name: &str| parameters.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
        let mut url = Url::parse(parameter("realm").unwrap_or_default()).context("and does not say where to get a token")?;
        if self.base.starts_with("https:") && url.scheme() != "https" {
            bail!("and its tokens are not behind TLS: {url}");
        }
        let everybody = format!("repository:{}:pull", self.name);
        url.query_pairs_mut().append_pair("scope", parameter("scope").unwrap_or(&everybody));
        if let Some(service) = parameter("service") {
            url.query_pairs_mut().append_pair("service", service);
        }
        let answer = get(self.fetcher, url.as_str(), ANYTHING, None).await.context("and gives no token to everybody")?;
        let token: Token = serde_json::from_slice(&answer)?;
        Ok(format!("Bearer {}", token.token.or(token.access_token).context("and its answer has no token")?))
    }
}

/// What a registry says of itself. Most say nothing.
async fn introduction(place: &RegistryPlace, fetcher: &Fetcher) -> Result<RegistryMetadata> {
    let url = format!("{}://{}{REGISTRY_METADATA_PATH}", place.scheme, place.registry);
    match get(fetcher, &url, ANYTHING, None).await {
        Ok(answer) => serde_json::from_slice(&answer).with_context(|| format!("cannot read {url}")),
        // Of those that say nothing, each says it differently.
        Err(FetchFailure::Status(_) | FetchFailure::Unauthorized { .. }) => Ok(RegistryMetadata::default()),
        Err(failure) => Err(failure).context(url),
    }
}

async fn get(fetcher: &Fetcher, url: &str, accept: &'static str, authorization: Option<&str>) -> Result<Vec<u8>, FetchFailure> {
    let mut taken = Vec::new();
    let mut sink = |bytes: &[u8], _: Option<u64>| {
        taken.extend_from_slice(bytes);
        Ok(())
    };
    let asked = Ask { url, accept, authorization, bytes_max: ANSWER_BYTES_MAX };
    fetcher.fetch(asked, &mut sink).await.map_err(|error| error.failure)?;
    Ok(taken)
}

/// The parameters of `Bearer name="value",…`.
fn parameters(challenge: &str) -> Option<Vec<(&str, &str)>> {
    let (scheme, mut rest) = challenge.split_once(' ')?;
    let mut parameters = Vec::new();
    while let Some((name, value)) = rest.split_once("=\"") {
        let (value, next) = value.split_once('"')?;
        parameters.push((name.trim_matches([',', ' ']), value));
        rest = next;
    }
    scheme.eq_ignore_ascii_case("bearer").then_some(parameters)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_is_read_with_commas_in_its_values() {
        let challenge = "bearer realm=\"https://auth.example.com/token\", service=\"r\",scope=\"repository:a/b:pull,push\"";
        let expected = vec![("realm", "https://auth.example.com/token"), ("service", "r"), ("scope", "repository:a/b:pull,push")];
        assert_eq!(parameters(challenge), Some(expected));
        for other in ["", "Basic realm=\"x\"", "Bearer realm=\"open", "Bearer"] {
            assert_eq!(parameters(other), None, "{other}");
        }
    }
}
