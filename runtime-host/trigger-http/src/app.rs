//! An app that is ready to serve: its routes, and behind them linked spells with their limits and grants.

use crate::admission::Admission;
use crate::routes::Routes;
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use spell_capabilities::{Grants, Host};
use spell_engine::{HttpSpell, Library, LoadError, RegisteredSpell};
use spell_types::Limits;
use std::sync::Arc;
use std::time::Instant;

/// Everything the data plane serves.
pub struct App {
    /// The app's name and version, for `/.well-known/spin/info`.
    pub info: AppInfo,
    /// Where a path leads.
    pub routes: Routes<Target>,
}

/// What an app says of itself.
#[derive(Debug, Clone)]
pub struct AppInfo {
    /// Its name.
    pub name: String,
    /// Its version, if it has one.
    pub version: Option<String>,
}

/// What answers on a route.
#[derive(Clone)]
pub enum Target {
    /// A spell.
    Spell(Arc<Component>),
    /// A fixed answer.
    Static(Arc<StaticResponse>),
}

/// A fixed answer, checked when the app was loaded.
#[derive(Debug, Clone)]
pub struct StaticResponse {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

/// A component of the app: a spell, what it was granted, and what it may use.
pub struct Component {
    pub(crate) id: Arc<str>,
    spell: Arc<RegisteredSpell<Host>>,
    library: Arc<Library<Host>>,
    pub(crate) grants: Arc<Grants>,
    pub(crate) limits: Limits,
    pub(crate) admission: Admission,
}

impl Component {
    /// Puts a component together. It has the name that its grants have.
    pub fn new(library: Arc<Library<Host>>, spell: Arc<RegisteredSpell<Host>>, grants: Arc<Grants>, limits: Limits) -> Self {
        let admission = Admission::new(&limits);
        Self { id: grants.component.clone(), spell, library, grants, limits, admission }
    }

    /// Its spell, ready to run.
    pub(crate) async fn spell(&self, now: Instant) -> Result<Arc<HttpSpell<Host>>, LoadError> {
        self.library.spell(&self.spell, now).await
    }

    /// How many of the host's places one execution takes.
    pub(crate) fn places(&self) -> u32 {
        self.spell.places()
    }
}
