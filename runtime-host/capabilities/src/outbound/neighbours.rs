//! Requests of a component to its own app: to another component by its name, or to whatever answers on a route.
//!
//! This module knows whom such a request is for. It must never know how the app finds them, or runs them.

use http::{Request, Response};
use spell_policy::Destination;
use std::pin::Pin;
use wasmtime_wasi_http::{Error, WasiBody};

/// Whom of its own app a component asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Neighbour {
    /// The component of this name: `http://<component>.spin.internal`.
    Component(String),
    /// Whatever answers on the request's path: `http://self` or `http://self.alt`.
    App,
}

/// The answer of a neighbour. Dropping it, or the body in it, ends whoever is answering.
pub type NeighbourAnswer = Pin<Box<dyn Future<Output = Result<Response<WasiBody>, Error>> + Send>>;

/// Has components of the same app answer each other, without a connection.
pub trait Neighbours: Send + Sync {
    /// Has a neighbour answer a request with an absolute URI. What the guest may ask was seen to before.
    fn ask(&self, neighbour: Neighbour, request: Request<WasiBody>) -> NeighbourAnswer;
}

impl Neighbour {
    /// Whom a destination stands for, if it is within the app.
    pub(super) fn at(destination: &Destination) -> Option<Neighbour> {
        let component = destination.internal_component().map(|name| Neighbour::Component(name.to_owned()));
        component.or_else(|| destination.is_self().then_some(Neighbour::App))
    }
}
