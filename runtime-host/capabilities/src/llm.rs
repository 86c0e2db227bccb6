//! Language models: `fermyon:spin/llm@2.0.0`, forwarded to a service that the operator names and that speaks the protocol of OpenAI.
//!
//! This module knows that protocol and which models were granted. It must never know a model.

mod protocol;

use crate::bindings::spin2::llm as v2;
use crate::outbound::{Outbound, OutboundRules, OutboundSession, TlsRoots};
use crate::{Grants, Host, Rule};
use bytes::Bytes;
use http::{HeaderValue, Method, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full, Limited};
use spell_policy::{AllowedHosts, Destination};
use spell_types::{Limit, Limits};
use std::sync::Arc;
use wasmtime_wasi_http::{WasiBody, WasiHttpHooks};

/// Most characters of a guest's own text that are given back to it in an error.
const SHOWN_CHARACTERS_MAX: usize = 64;

/// Where models are asked. There is no way to print it: the token is a secret.
#[derive(Clone)]
pub struct ModelServiceSettings {
    /// The service's address up to `/v1`, such as `https://api.example.com`.
    pub url: String,
    /// What it is told to let us in; empty for none.
    pub token: String,
}

/// Why a service cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ModelServiceError {
    /// The address is no URL of HTTP.
    #[error("the address of the language models has to be an http or https URL without user, query and fragment")]
    BadUrl,
    /// The token cannot be sent.
    #[error("the token of the language models has a character that cannot be sent")]
    BadToken,
}

/// A service for language models.
pub struct ModelService {
    base: String,
    authorization: Option<HeaderValue>,
    outbound: Arc<Outbound>,
    answer_bytes_max: usize,
}

impl ModelService {
    /// Prepares the way to a service; nothing is connected yet. The rules say which addresses it may have, and how long it may take;
    /// of destinations, the service is the only one.
    pub fn new(settings: &ModelServiceSettings, rules: OutboundRules, tls: &TlsRoots) -> Result<ModelService, ModelServiceError> {
        let uri: Uri = settings.url.parse().map_err(|_| ModelServiceError::BadUrl)?;
        let (Some(scheme @ ("http" | "https")), Some(authority), None) = (uri.scheme_str(), uri.authority(), uri.query()) else {
            return Err(ModelServiceError::BadUrl);
        };
        let destination = Destination::parse(scheme, authority.as_str()).map_err(|_| ModelServiceError::BadUrl)?;
        let allowed = AllowedHosts::parse([destination.to_string().as_str()]).map_err(|_| ModelServiceError::BadUrl)?;
        let authorization = match settings.token.as_str() {
            "" => None,
            token => {
                let mut value = HeaderValue::try_from(format!("Bearer {token}")).map_err(|_| ModelServiceError::BadToken)?;
                value.set_sensitive(true);
                Some(value)
            }
        };
        let answer_bytes_max = usize::try_from(rules.query_bytes_max).unwrap_or(usize::MAX);
        let base = format!("{scheme}://{authority}{}", uri.path().trim_end_matches('/'));
        let outbound = Arc::new(Outbound::new(OutboundRules { allowed, ..rules }, tls));
        Ok(ModelService { base, authorization, outbound, answer_bytes_max })
    }

    fn request(&self, path: &str, body: Vec<u8>) -> Result<Request<WasiBody>, v2::Error> {
        let body = Full::new(Bytes::from(body)).map_err(|never| match never {}).boxed_unsync();
        let mut request = Request::new(body);
        *request.method_mut() = Method::POST;
        *request.uri_mut() = format!("{}{path}", self.base).parse().map_err(|_| failed("it cannot be asked"))?;
        request.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        request.headers_mut().extend(self.authorization.clone().map(|value| (header::AUTHORIZATION, value)));
        Ok(request)
    }

    /// Sends a question and takes the answer whole.
    async fn ask(&self, grants: &Grants, path: &str, body: Vec<u8>) -> Result<Bytes, v2::Error> {
        let way = Arc::new(Grants {
            outbound: Some(Arc::clone(&self.outbound)),
            audit: grants.audit.clone(),
            ..Grants::none(Arc::clone(&grants.component))
        });
        let mut limits = Limits::default();
        limits.set(Limit::OutboundRequests, 1);
        let mut session = OutboundSession::new(way, &limits);
        let sent = session.send_request(self.request(path, body)?, None, Box::new(std::future::ready(Ok(()))));
        // What went wrong is in the host's log: a guest need not know where the service is.
        let (response, _) = Box::into_pin(sent).await.map_err(|_| failed("it cannot be reached"))?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => return Err(v2::Error::ModelNotSupported),
            status => return Err(failed(&format!("it answered {}", status.as_u16()))),
        }
        let whole = Limited::new(response.into_body(), self.answer_bytes_max).collect().await;
        whole.map(|body| body.to_bytes()).map_err(|_| failed("its answer is too large, or broke off"))
    }
}

fn failed(what: &str) -> v2::Error {
    v2::Error::RuntimeError(format!("the service for language models failed: {what}"))
}

impl Host {
    /// The service, for a model that was granted.
    fn model_service(&mut self, model: &str) -> Result<Arc<ModelService>, v2::Error> {
        if !self.grants.ai_models.contains(model) {
            self.grants.audit.refused(&self.grants.component, Rule::AiModel, model, true);
            let shown: String = model.chars().take(SHOWN_CHARACTERS_MAX).collect();
            return Err(v2::Error::InvalidInput(format!("the model {shown:?} is not in the component's ai_models")));
        }
        if !self.outbound.asking().count() {
            return Err(v2::Error::RuntimeError("too many outbound requests".to_owned()));
        }
        let service = self.grants.model_service.clone();
        service.ok_or_else(|| v2::Error::RuntimeError("this host has no service for language models".to_owned()))
    }
}

impl v2::Host for Host {
    async fn infer(
        &mut self,
        model: String,
        prompt: String,
        parameters: Option<v2::InferencingParams>,
    ) -> wasmtime::Result<Result<v2::InferencingResult, v2::Error>> {
        let service = match self.model_service(&model) {
            Ok(service) => service,
            Err(error) => return Ok(Err(error)),
        };
        let body = protocol::completion(&model, &prompt, parameters);
        let answer = service.ask(&self.grants, "/v1/chat/completions", body).await;
        Ok(answer.and_then(|bytes| protocol::read_completion(&bytes).ok_or_else(|| failed("its answer cannot be read"))))
    }

    async fn generate_embeddings(&mut self, model: String, text: Vec<String>) -> wasmtime::Result<Result<v2::EmbeddingsResult, v2::Error>> {
        let service = match self.model_service(&model) {
            Ok(service) => service,
            Err(error) => return Ok(Err(error)),
        };
        let asked = text.len();
        let answer = service.ask(&self.grants, "/v1/embeddings", protocol::embedding(&model, &text)).await;
        Ok(answer.and_then(|bytes| protocol::read_embedding(&bytes, asked).ok_or_else(|| failed("its answer cannot be read"))))
    }
}

#[cfg(test)]
mod tests;
