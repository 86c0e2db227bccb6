//! One line per request, for whoever watches.

use std::time::Duration;

/// What there is to say about one answered request.
#[derive(Debug)]
pub struct AccessLine<'a> {
    /// The request's method.
    pub method: &'a str,
    /// The request's path, without the query: queries carry secrets.
    pub path: &'a str,
    /// The status of the answer.
    pub status: u16,
    /// The component that answered, if one did.
    pub component: Option<&'a str>,
    /// From the request's head to the answer's.
    pub wall: Duration,
}

/// Shows answered requests. Called on the request path: it must neither block nor wait.
pub trait AccessLog: Send + Sync {
    /// Shows one request.
    fn answered(&self, line: &AccessLine<'_>);
}
