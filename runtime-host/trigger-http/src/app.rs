//! An app that is ready to serve: its routes, and behind them linked spells with their limits and grants.

use crate::admission::Admission;
use crate::neighbours::Neighbours;
use crate::routes::Routes;
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use spell_capabilities::{Grants, Host, Sink};
use spell_engine::{HttpSpell, Library, LoadError, RegisteredSpell};
use spell_types::Limits;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

/// Everything the data plane serves.
pub struct App {
    /// The app's name and version, for `/.well-known/spin/info`.
    pub info: AppInfo,
    /// Where a path leads.
    pub routes: Routes<Target>,
    /// The components that can be asked by other components, by their names.
    pub components: HashMap<Arc<str>, Arc<Component>>,
    /// The way by which they ask; the one that their grants have.
    pub neighbours: Arc<Neighbours>,
    /// Where the app is served: what its own URLs begin with.
    pub address: SocketAddr,
}

impl App {
    /// Whether an app that was replaced is done: nobody but the caller has it, and no request runs on a component of it.
    pub fn is_at_rest(self: &Arc<Self>) -> bool {
        let mut own: HashMap<*const Component, usize> = HashMap::new();
        let routed = self.routes.iter().filter_map(|(_, target)| match target {
            Target::Spell(component) => Some(component),
            Target::Static(_) => None,
        });
        for component in routed.chain(self.components.values()) {
            *own.entry(Arc::as_ptr(component)).or_default() += 1;
        }
        let is_idle = |component: &Arc<Component>| own.get(&Arc::as_ptr(component)).is_some_and(|own| Arc::strong_count(component) == *own);
        Arc::strong_count(self) == 1 && self.components.values().all(is_idle)
    }
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

/// Where the code of a component is.
#[derive(Clone)]
enum Code {
    /// In a library, which loads it when it is asked for.
    Registered(Arc<Library<Host>>, Arc<RegisteredSpell<Host>>),
    /// Here, for as long as the component is.
    Loaded(Arc<HttpSpell<Host>>),
}

/// A component of the app: a spell, what it was granted, and what it may use.
pub struct Component {
    pub(crate) id: Arc<str>,
    code: Code,
    pub(crate) grants: Arc<Grants>,
    pub(crate) limits: Limits,
    pub(crate) admission: Arc<Admission>,
    /// With what it is run, if it is a program.
    pub(crate) arguments: Option<Arc<str>>,
    /// Where it prints to, if not where its grants say.
    printing: Option<(Sink, Sink)>,
}

impl Component {
    /// Puts a component together. It has the name that its grants have.
    pub fn new(library: Arc<Library<Host>>, spell: Arc<RegisteredSpell<Host>>, grants: Arc<Grants>, limits: Limits) -> Self {
        Self::of(Code::Registered(library, spell), grants, limits)
    }

    /// The same of a spell that is loaded, and stays so.
    pub fn loaded(spell: Arc<HttpSpell<Host>>, grants: Arc<Grants>, limits: Limits) -> Self {
        Self::of(Code::Loaded(spell), grants, limits)
    }

    fn of(code: Code, grants: Arc<Grants>, limits: Limits) -> Self {
        let admission = Arc::new(Admission::new(&limits));
        Self { id: grants.component.clone(), code, grants, limits, admission, arguments: None, printing: None }
    }

    /// The same component with another spell: what it was granted, its limits and its places are those of this one.
    #[must_use]
    pub fn beside(&self, spell: Arc<RegisteredSpell<Host>>) -> Self {
        let code = match &self.code {
            Code::Registered(library, _) => Code::Registered(library.clone(), spell),
            Code::Loaded(_) => self.code.clone(),
        };
        Self { code, ..self.again() }
    }

    /// The same for one request whose standard output and standard error go to sinks of its own.
    #[must_use]
    pub fn printing_to(&self, stdout: Sink, stderr: Sink) -> Self {
        Self { printing: Some((stdout, stderr)), ..self.again() }
    }

    fn again(&self) -> Self {
        let Self { id, code, grants, limits, admission, arguments, printing } = self;
        Self {
            id: id.clone(),
            code: code.clone(),
            grants: grants.clone(),
            limits: limits.clone(),
            admission: admission.clone(),
            arguments: arguments.clone(),
            printing: printing.clone(),
        }
    }

    /// The same as a program that is run with these arguments, in which `${SCRIPT_NAME}` and `${ARGS}` stand for the route and the query.
    #[must_use]
    pub fn with_arguments(self, arguments: Arc<str>) -> Self {
        Self { arguments: Some(arguments), ..self }
    }

    /// The same with the places of the component that it takes the place of: what runs on either counts for both. Where the limits of
    /// places differ, it has places of its own.
    #[must_use]
    pub fn with_places_of(self, before: &Component) -> Self {
        let are_same = Admission::LIMITS.iter().all(|limit| self.limits.get(*limit) == before.limits.get(*limit));
        Self { admission: if are_same { before.admission.clone() } else { self.admission }, ..self }
    }

    /// Whether it is of this very spell, with these very grants, under these limits.
    pub fn is_of(&self, spell: &Arc<HttpSpell<Host>>, grants: &Arc<Grants>, limits: &Limits) -> bool {
        let is_same_spell = matches!(&self.code, Code::Loaded(own) if Arc::ptr_eq(own, spell));
        is_same_spell && Arc::ptr_eq(&self.grants, grants) && self.limits == *limits
    }

    /// The host's side of one request.
    pub(crate) fn host(&self) -> Host {
        match &self.printing {
            None => self.grants.host(&self.limits),
            Some((stdout, stderr)) => self.grants.host_printing_to(&self.limits, stdout.clone(), stderr.clone()),
        }
    }

    /// What it was granted.
    pub fn grants(&self) -> &Arc<Grants> {
        &self.grants
    }

    /// Its spell, ready to run.
    pub(crate) async fn spell(&self, now: Instant) -> Result<Arc<HttpSpell<Host>>, LoadError> {
        match &self.code {
            Code::Registered(library, spell) => library.spell(spell, now).await,
            Code::Loaded(spell) => Ok(spell.clone()),
        }
    }

    /// Its name.
    pub fn id(&self) -> &Arc<str> {
        &self.id
    }

    /// Whether it is a program and no handler.
    pub fn is_program(&self) -> bool {
        match &self.code {
            Code::Registered(_, spell) => spell.is_program(),
            Code::Loaded(spell) => spell.is_program(),
        }
    }

    /// How many of the host's places one execution takes.
    pub(crate) fn places(&self) -> u32 {
        match &self.code {
            Code::Registered(_, spell) => spell.places(),
            Code::Loaded(spell) => spell.places(),
        }
    }
}
