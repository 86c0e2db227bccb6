//! Where the head of a request leads in an app.
//!
//! This file knows routes and what the host answers by itself. It must never wait for anything: whoever asks holds the app meanwhile.

use crate::app::{App, Component, StaticResponse, Target};
use crate::body::ResponseBody;
use crate::client::Client;
use crate::headers;
use crate::refusal;
use crate::routes::Route;
use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderValue, Method, Response, StatusCode, Uri, request};
use std::sync::Arc;

const WELL_KNOWN: &str = "/.well-known/spin/";

/// What is to become of a request.
pub(crate) enum Way {
    /// It is answered without running anything.
    Answered(Response<ResponseBody>),
    /// A component answers it.
    Component {
        component: Arc<Component>,
        route: Arc<Route>,
        /// The URI that the component is told.
        uri: Uri,
    },
}

impl App {
    /// Where a request leads, with its headers made those that a component is told.
    pub(crate) fn way(&self, parts: &mut request::Parts, client: &Client) -> Way {
        if parts.method == Method::CONNECT {
            let mut response =
                refusal::plain(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "this is no proxy: CONNECT leads nowhere");
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"));
            return Way::Answered(response);
        }
        let path = parts.uri.path();
        if let Some(page) = path.strip_prefix(WELL_KNOWN) {
            return Way::Answered(self.well_known(page));
        }
        let Some(found) = self.routes.find(path) else { return Way::Answered(refusal::empty(StatusCode::NOT_FOUND)) };
        let uri = match headers::absolute_uri(parts, &client.scheme) {
            Ok(uri) => uri,
            Err(reason) => return Way::Answered(refusal::plain(StatusCode::BAD_REQUEST, "bad-host", &reason.to_string())),
        };
        match found.target {
            Target::Static(fixed) => Way::Answered(fixed_response(fixed)),
            Target::Spell(component) => {
                headers::rewrite(&mut parts.headers, &uri, found.route, &found.parameters, client);
                Way::Component { component: component.clone(), route: found.route.clone(), uri }
            }
        }
    }

    fn well_known(&self, page: &str) -> Response<ResponseBody> {
        match page {
            "health" => Response::new(ResponseBody::whole("OK")),
            "info" => {
                let info = &self.info;
                let mut json = serde_json::json!({ "name": info.name });
                if let (Some(version), Some(members)) = (&info.version, json.as_object_mut()) {
                    members.insert("version".to_owned(), version.as_str().into());
                }
                let mut response = Response::new(ResponseBody::whole(format!("{json:#}")));
                response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
                response
            }
            _ => refusal::empty(StatusCode::NOT_FOUND),
        }
    }
}

fn fixed_response(fixed: &StaticResponse) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::whole(fixed.body.clone()));
    *response.status_mut() = fixed.status;
    *response.headers_mut() = fixed.headers.clone();
    response
}
