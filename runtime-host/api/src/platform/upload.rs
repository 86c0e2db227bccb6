//! An uploaded program: a form with three fields becomes a version of a spell.
//!
//! It knows the form. It must never know what becomes of the program.

use crate::platform::auth::Caller;
use crate::platform::body::Place;
use crate::platform::description::codes;
use crate::platform::modules::version;
use crate::platform::problem::{Problem, Refusal};
use crate::platform::wire::json;
use crate::platform::{Api, body};
use axum::body::Body;
use axum::extract::multipart::{Field, MultipartError};
use axum::extract::{FromRequest as _, Multipart, Request, State};
use axum::response::Response;
use bytes::Bytes;
use http::StatusCode;
use serde::Serialize;
use spell_cast::{Module, Scope, Upload};
use spell_types::TenantId;
use std::sync::Arc;
use utoipa::ToSchema;

/// Characters of a file's name that are kept.
const FILE_NAME_CHARACTERS_MAX: usize = 255;
/// Bytes of a field that is no file at most.
const TEXT_BYTES_MAX: usize = 1 << 10;
/// What an upload is counted as that became a version; others are counted by their refusals.
const KEPT: &str = "kept";

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Uploaded {
    module_id: String,
    spell_id: String,
    version: String,
    #[schema(pattern = "^[0-9a-f]{64}$")]
    hash: String,
    size: u64,
    abi: String,
    message: &'static str,
}

/// Uploads a program
///
/// It becomes a version of a spell: it is made a component, compiled, and instantiated once before it is kept. The same program under the
/// same version again is no mistake.
#[utoipa::path(
    post, path = "/api/spells/upload-wasm", operation_id = "uploadVersion", tag = "Spells",
    request_body(content = Form, content_type = "multipart/form-data"),
    responses((status = 201, description = "The version", body = Uploaded, example = json!({
        "moduleId": "mod_0199c5a1b2f300112233445566778899", "spellId": "spell_0199c5a1b2f300112233445566778899", "version": "1.0.0",
        "hash": "93a44bbb96c751218e4c00d479e4c14358122a389acca16205b1e4d0dc5f9476", "size": 1234, "abi": "c-string",
        "message": "WASM module uploaded successfully"
    }))),
    extensions(("x-scope" = json!("upload")), ("x-refusals" = json!(codes(&[
        Refusal::SpellNotFound, Refusal::VersionTaken, Refusal::ProgramTooLarge, Refusal::ProgramRefused, Refusal::CeilingExceeded,
        Refusal::QuotaExceeded,
    ]))))
)]
pub(crate) async fn upload(State(api): State<Arc<Api>>, caller: Caller, request: Request) -> Result<Response, Problem> {
    let tenant = caller.may(Scope::Upload)?;
    let kept = keep(&api, tenant, request).await;
    api.metrics.uploaded(kept.as_ref().map_or_else(Problem::code, |_| KEPT));
    let module = kept?;
    let uploaded = Uploaded {
        module_id: module.id,
        spell_id: module.spell_id,
        version: module.version.to_string(),
        hash: module.digest.to_string(),
        size: module.size_bytes,
        abi: module.abi,
        message: "WASM module uploaded successfully",
    };
    json(StatusCode::CREATED, &uploaded)
}

async fn keep(api: &Api, tenant: &TenantId, request: Request) -> Result<Module, Problem> {
    api.takes_work()?;
    let (form, _place) = form(api, request).await?;
    Ok(api.platform.upload(tenant, form.into_upload()?).await?)
}

/// The fields of the form, each at most once.
#[derive(Default, ToSchema)]
#[schema(as = UploadForm)]
struct Form {
    /// Key or id of the spell.
    #[schema(rename = "spellId", value_type = String, required = true, min_length = 1, max_length = 1024, example = "shout")]
    spell: Option<String>,
    /// A semantic version, which never changes.
    #[schema(value_type = String, required = true, max_length = 1024, pattern = "^(0|[1-9][0-9]{0,8})\\.(0|[1-9][0-9]{0,8})\\.(0|[1-9][0-9]{0,8})(-(0|[1-9][0-9]{0,8}|[0-9]*[a-zA-Z-][0-9a-zA-Z-]*)(\\.(0|[1-9][0-9]{0,8}|[0-9]*[a-zA-Z-][0-9a-zA-Z-]*))*)?(\\+[0-9a-zA-Z-]+(\\.[0-9a-zA-Z-]+)*)?$", example = "1.0.0")]
    version: Option<String>,
    /// The program.
    #[schema(rename = "wasmFile", value_type = String, format = Binary, required = true)]
    program: Option<Bytes>,
    #[schema(ignore)]
    file_name: Option<String>,
    /// Whether casts run it from now on; `true` unless it says otherwise.
    #[schema(rename = "activate", value_type = bool, required = false, example = true)]
    activates: Option<bool>,
}

async fn form(api: &Api, request: Request) -> Result<(Form, Place), Problem> {
    let (parts, body) = request.into_parts();
    let (bytes, place) = body::read(api, Request::from_parts(parts.clone(), body), &body::UPLOAD).await?;
    let request = Request::from_parts(parts, Body::from(bytes));
    let no_form = |_| Problem::new(Refusal::MediaType, "a program is uploaded as a form: `Content-Type: multipart/form-data`");
    let mut multipart = Multipart::from_request(request, &()).await.map_err(no_form)?;
    let mut form = Form::default();
    while let Some(field) = multipart.next_field().await.map_err(broken)? {
        form.take(field).await?;
    }
    Ok((form, place))
}

impl Form {
    async fn take(&mut self, field: Field<'_>) -> Result<(), Problem> {
        let name = field.name().unwrap_or_default().to_owned();
        let is_new = match name.as_str() {
            "spellId" => self.spell.replace(text(field).await?).is_none(),
            "version" => self.version.replace(text(field).await?).is_none(),
            "activate" => {
                let activates = text(field).await?.parse();
                self.activates.replace(activates.map_err(|_| Problem::new(Refusal::Invalid, "activate must be true or false"))?).is_none()
            }
            "wasmFile" => {
                self.file_name = field.file_name().and_then(file_name);
                self.program.replace(field.bytes().await.map_err(broken)?).is_none()
            }
            _ => {
                let detail = format!("unknown field `{}`, expected one of `spellId`, `version`, `wasmFile`, `activate`", plain(&name));
                return Err(Problem::new(Refusal::Invalid, detail));
            }
        };
        if is_new { Ok(()) } else { Err(Problem::new(Refusal::Invalid, format!("{name} is there twice"))) }
    }

    fn into_upload(self) -> Result<Upload, Problem> {
        let required = |field: &str| Problem::new(Refusal::Invalid, format!("{field} is required"));
        let spell = self.spell.filter(|spell| !spell.is_empty()).ok_or_else(|| required("spellId"))?;
        let version = version(&self.version.filter(|version| !version.is_empty()).ok_or_else(|| required("version"))?)?;
        let program = self.program.ok_or_else(|| required("wasmFile"))?;
        Ok(Upload { spell, version, file_name: self.file_name, program, activates: self.activates.unwrap_or(true) })
    }
}

async fn text(mut field: Field<'_>) -> Result<String, Problem> {
    let mut bytes = Vec::new();
    while let Some(chunk) = field.chunk().await.map_err(broken)? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > TEXT_BYTES_MAX {
            return Err(Problem::new(Refusal::Invalid, format!("a field that is no file has at most {TEXT_BYTES_MAX} bytes")));
        }
    }
    String::from_utf8(bytes).map_err(|_| Problem::new(Refusal::Invalid, "a field that is no file is UTF-8"))
}

/// The last part of what the client calls the file, without what could command a terminal.
fn file_name(said: &str) -> Option<String> {
    let name = said.rsplit(['/', '\\']).next().map(plain)?;
    (!name.is_empty()).then_some(name)
}

fn plain(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).take(FILE_NAME_CHARACTERS_MAX).collect()
}

fn broken(error: MultipartError) -> Problem {
    Problem::new(Refusal::BadRequest, format!("the form cannot be read: {}", error.body_text()))
}
