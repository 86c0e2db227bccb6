//! A version of a spell as a Spin app: an archive with a manifest and a component that answers HTTP, for whichever host runs those.
//!
//! It knows archives. It must never know how a component is made one that answers HTTP.

use crate::platform::Api;
use crate::platform::asked::At;
use crate::platform::auth::Caller;
use crate::platform::modules::version;
use crate::platform::problem::{Problem, Refusal};
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use spell_cast::{App, Scope};
use std::io::{Cursor, Write as _};
use std::sync::Arc;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// How often an app is in memory while its archive is made: as it was made, and as the archive.
const COPIES: usize = 3;

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
        (CONTENT_TYPE, "application/zip".to_owned()),
        // A name has letters, digits and hyphens, and a version what semantic versions have: nothing that ends a text.
        (CONTENT_DISPOSITION, format!("attachment; filename=\"{name}-{}.zip\"", module.version)),
    ];
    Ok((headers, archive).into_response())
}

/// The same app always becomes the same bytes: no time is in them.
fn archive(file: &str, app: &App) -> zip::result::ZipResult<Vec<u8>> {
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated).unix_permissions(0o644);
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in [("spin.toml", app.manifest.as_bytes()), (file, &app.component)] {
        archive.start_file(name, options)?;
        archive.write_all(bytes)?;
    }
    Ok(archive.finish()?.into_inner())
}
