//! A version of a spell as a Spin app: an archive with a manifest and a component that answers HTTP, for whichever host runs those.
//!
//! It knows archives. It must never know how a component is made one that answers HTTP.

use crate::platform::Api;
use crate::platform::asked::At;
use crate::platform::auth::Caller;
use crate::platform::description::codes;
use crate::platform::modules::version;
use crate::platform::problem::{Problem, Refusal};
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use spell_cast::{App, Scope};
use std::io;
use std::sync::Arc;

/// How often an app is in memory while its archive is made: as it was made, and as the archive.
const COPIES: usize = 3;

/// Gives a version as a Spin app
///
/// A `.tar.gz` with `spin.toml` and a component that answers HTTP, for this host and any other that runs Spin apps. The same version is
/// always the same archive.
#[utoipa::path(
    get, path = "/api/spells/{spell}/versions/{version}/export", operation_id = "exportVersion", tag = "Spells",
    params(
        ("spell" = String, Path, description = "Key or id of the spell", example = "shout"),
        ("version" = String, Path, description = "The version", pattern = "^(0|[1-9][0-9]{0,8})\\.(0|[1-9][0-9]{0,8})\\.(0|[1-9][0-9]{0,8})(-(0|[1-9][0-9]{0,8}|[0-9]*[a-zA-Z-][0-9a-zA-Z-]*)(\\.(0|[1-9][0-9]{0,8}|[0-9]*[a-zA-Z-][0-9a-zA-Z-]*))*)?(\\+[0-9a-zA-Z-]+(\\.[0-9a-zA-Z-]+)*)?$", example = "1.0.0"),
    ),
    responses((status = 200, description = "The archive", content(("application/gzip")),
        headers(("Content-Disposition" = String, description = "The name of the file: `<spell>-<version>.tar.gz`")))),
    extensions(
        ("x-scope" = json!("read")),
        ("x-refusals" = json!(codes(&[
            Refusal::SpellNotFound, Refusal::ModuleNotFound, Refusal::Invalid, Refusal::ModuleCorrupt, Refusal::ProgramRefused,
        ])))
    )
)]
pub(crate) async fn export(
    State(api): State<Arc<Api>>,
    caller: Caller,
    At((spell, version)): At<(String, String)>,
) -> Result<Response, Problem> {
    let tenant = caller.may(Scope::Read)?;
    let version = self::version(&version)?;
    let spell = api.platform.registry.spell(tenant, &spell).await?;
    let module = api.platform.registry.module(tenant, &spell.id, Some(&version)).await?;
    let component = api.platform.registry.program(&module.component).await?;
    let _place = api.room.take(component.len().saturating_mul(COPIES)).await?;
    let name = spell_cast::app_name(spell.key.as_str());
    let app = api.platform.adapter.app(component, name.clone(), module.version.to_string()).await?;
    let file = format!("{name}.wasm");
    let archive = tokio::task::spawn_blocking(move || archive(&file, &app)).await.ok().and_then(Result::ok);
    let archive = archive.ok_or_else(|| Problem::new(Refusal::HostFailed, "the archive cannot be made"))?;
    let headers = [
        (CONTENT_TYPE, "application/gzip".to_owned()),
        // A name has letters, digits and hyphens, and a version what semantic versions have: nothing that ends a text.
        (CONTENT_DISPOSITION, format!("attachment; filename=\"{name}-{}.tar.gz\"", module.version)),
    ];
    Ok((headers, archive).into_response())
}

/// The same app always becomes the same bytes: no time is in them, and nobody's name.
fn archive(file: &str, app: &App) -> io::Result<Vec<u8>> {
    let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::default()));
    for (name, bytes) in [("spin.toml", app.manifest.as_bytes()), (file, &app.component)] {
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o644);
        header.set_size(bytes.len() as u64);
        archive.append_data(&mut header, name, bytes)?;
    }
    archive.into_inner()?.finish()
}
