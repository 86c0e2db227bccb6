//! Why components do not fit together.
//!
//! It knows names, and says what was found beside what was wanted. It must never know where a component came from.

/// Why components could not be made one.
#[derive(Debug, thiserror::Error)]
pub enum ComposeError {
    /// A program is a core module, or no WebAssembly at all.
    #[error("{part} is no WebAssembly component: build it for the target `wasm32-wasip2`")]
    NotAComponent {
        /// Such as "the dependency `a:b`".
        part: String,
    },
    /// A program is too large, or the whole is.
    #[error("{part} is larger than {} MiB", .bytes_max >> 20)]
    TooLarge {
        /// Which one.
        part: String,
        /// The most that it can have.
        bytes_max: usize,
    },
    /// A program is a component that cannot be read.
    #[error("{part} is not a valid component: {reason}")]
    Invalid {
        /// Which one.
        part: String,
        /// What was found, and at which offset.
        reason: String,
    },
    /// A dependency would satisfy nothing.
    #[error("the dependency `{dependency}` satisfies no import of the component, which imports {}; remove it, or name one of them", list(.imports))]
    NoSuchImport {
        /// Its name.
        dependency: String,
        /// What the component imports.
        imports: Vec<String>,
    },
    /// Two dependencies would satisfy the same import.
    #[error("the dependencies `{first}` and `{second}` both satisfy the import `{import}`: remove one of them, or make their names differ")]
    Conflict {
        /// The import.
        import: String,
        /// One of them.
        first: String,
        /// The other.
        second: String,
    },
    /// A dependency lacks what it is there for.
    #[error(
        "the dependency `{dependency}` does not export `{wanted}`, which the component imports; it exports {}{}", list(.exports),
        if .exports.is_empty() { "" } else { "; to use one of them, write `export = \"…\"`" }
    )]
    NoSuchExport {
        /// Its name.
        dependency: String,
        /// The export that was looked for.
        wanted: String,
        /// What it exports.
        exports: Vec<String>,
    },
    /// A component would be put behind another for nothing.
    #[error("the component imports nothing that the provider exports: it imports {}, the provider exports {}", list(.imports), list(.exports))]
    NothingProvided {
        /// What the component imports.
        imports: Vec<String>,
        /// What the provider exports.
        exports: Vec<String>,
    },
    /// What one has is not what the other wants.
    #[error("the export `{export}` of {part} does not fit the import `{import}`: {reason}; build both from the same WIT")]
    Mismatch {
        /// Which one exports it.
        part: String,
        /// The export.
        export: String,
        /// The import.
        import: String,
        /// Where they differ.
        reason: String,
    },
    /// A dependency that does not inherit everything imports what belongs to no part of a configuration.
    #[error(
        "{part} imports {}, which nobody can tell to be harmless: take the import out, or let it inherit everything \
         (`inherit_configuration = true`)", list(.imports)
    )]
    NotInheritable {
        /// Which one.
        part: String,
        /// What it imports.
        imports: Vec<String>,
    },
    /// Middleware does not stand between a request and a handler.
    #[error("{part} does not {verb} `wasi:http/handler@0.3.x`, as middleware must; it {verb}s {}", list(.found))]
    NotMiddleware {
        /// Which one.
        part: String,
        /// What it does not do.
        verb: &'static str,
        /// What it imports or exports instead.
        found: Vec<String>,
    },
    /// Middleware cannot stand around a component.
    #[error(
        "the component does not export `wasi:http/handler@0.3.x`, so no middleware can stand around it; it exports {}; build it for WASI 0.3",
        list(.exports)
    )]
    NoHandler {
        /// What it exports.
        exports: Vec<String>,
    },
    /// The whole could not be written down.
    #[error("the components do not fit together: {reason}")]
    Unfit {
        /// What is in the way.
        reason: String,
    },
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "nothing".to_owned() } else { names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ") }
}

/// What the libraries say, in one line of bounded length: names in it can be a stranger's.
pub(crate) fn readable(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    printable(&text)
}

/// A text in one line of bounded length.
pub(crate) fn printable(text: &str) -> String {
    text.chars().take(CHARS_MAX).map(|character| if character.is_control() { ' ' } else { character }).collect()
}

const CHARS_MAX: usize = 1_000;
