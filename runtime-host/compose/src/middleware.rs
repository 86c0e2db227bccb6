//! Components around the HTTP handler of another: each sees a request before the next, and answers after it.
//!
//! It knows the one interface that they are joined by. It must never know what a request is.

use crate::error::ComposeError;
use crate::graph::{Graph, Part, guarded};
use crate::name::Interface;
use crate::{Inherit, wall};

/// A component that imports an HTTP handler and exports one.
#[derive(Debug, Clone)]
pub struct Middleware<'m> {
    /// What it is called in messages.
    pub name: String,
    /// What it may do of what the component may.
    pub inherit: Inherit,
    /// The component.
    pub wasm: &'m [u8],
}

/// Makes one component of a component and the middleware around it, outermost first.
pub fn with_middleware(component: &[u8], chain: &[Middleware<'_>]) -> Result<Vec<u8>, ComposeError> {
    guarded(|| {
        let mut graph = Graph::default();
        let mut inner = graph.add("the component", component)?;
        let none = |part: &Part| ComposeError::NoHandler { exports: part.exports.clone() };
        let mut handler = handler_of(&inner.exports).ok_or_else(|| none(&inner))?;
        for middleware in chain.iter().rev() {
            let label = format!("the middleware {}", middleware.name);
            let part = wall::add_walled(&mut graph, &label, middleware.wasm, &middleware.inherit, Some(is_handler))?;
            let lacks = |verb, found: &[String]| ComposeError::NotMiddleware { part: label.clone(), verb, found: found.to_vec() };
            let next = handler_of(&part.imports).ok_or_else(|| lacks("import", &part.imports))?;
            let own = handler_of(&part.exports).ok_or_else(|| lacks("export", &part.exports))?;
            graph.connect(&inner, &handler, &part, &next)?;
            (inner, handler) = (part, own);
        }
        graph.export(&inner, &handler)?;
        graph.encode()
    })
}

fn handler_of(names: &[String]) -> Option<String> {
    names.iter().find(|name| is_handler(name)).cloned()
}

/// Whether a name is that of the handler, in a version that has been released.
fn is_handler(name: &str) -> bool {
    Interface::parse(name).is_some_and(|interface| {
        let version = interface.version.as_ref();
        interface.is_named("wasi:http/handler")
            && version.is_some_and(|version| (version.major, version.minor) == (0, 3) && version.pre.is_empty())
    })
}
