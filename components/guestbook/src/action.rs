//! Which action a request asks for. Knows methods and paths; must never know bodies or the store.

/// What the caller wants.
#[derive(Debug, PartialEq, Eq)]
pub enum Action<'a> {
    /// Show all entries.
    List,
    /// Add the entry in the request's body.
    Add,
    /// Remove one entry.
    Remove {
        /// The entry's id, as the list shows it.
        id: &'a str,
    },
    /// There is nothing at this path.
    NotFound,
    /// The path exists; these are the methods it has.
    MethodNotAllowed {
        /// The value of the `allow` header.
        allow: &'static str,
    },
}

impl<'a> Action<'a> {
    /// The action for a method and the path below the route (Spin's `spin-path-info`).
    #[must_use]
    pub fn of(method: &str, path: &'a str) -> Self {
        let id = path.trim_matches('/');
        match (method, id) {
            ("GET", "") => Self::List,
            ("POST", "") => Self::Add,
            (_, "") => Self::MethodNotAllowed { allow: "GET, POST" },
            (_, id) if id.contains('/') => Self::NotFound,
            ("DELETE", id) => Self::Remove { id },
            _ => Self::MethodNotAllowed { allow: "DELETE" },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Action;

    #[test]
    fn a_method_and_a_path_choose_the_action() {
        let table = [
            ("GET", "", Action::List),
            ("GET", "/", Action::List),
            ("POST", "", Action::Add),
            ("PUT", "", Action::MethodNotAllowed { allow: "GET, POST" }),
            ("DELETE", "", Action::MethodNotAllowed { allow: "GET, POST" }),
            ("DELETE", "/17", Action::Remove { id: "17" }),
            ("GET", "/17", Action::MethodNotAllowed { allow: "DELETE" }),
            ("DELETE", "/17/18", Action::NotFound),
        ];
        for (method, path, expected) in table {
            assert_eq!(Action::of(method, path), expected, "for {method} {path:?}");
        }
    }
}
