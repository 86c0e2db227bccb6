//! What the operator's file says of GitHub: where its API is, how this host shows who it is, and which repositories spells may use.
//!
//! It knows keys and paths. It must never read a secret, or know what is asked of GitHub.

use crate::diagnostic::{Diagnostic, quote};
use crate::reader::{Fields, Node, Reader};
use std::path::{Path, PathBuf};

/// The keys of `[github]` that are no settings.
pub(crate) const KEYS: [&str; 7] =
    ["api_url", "token_file", "app_id", "installation_id", "private_key_file", "webhook_secret_file", "repositories"];
const API_URL: &str = "https://api.github.com";

/// The table `[github]`, beside its settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GithubTable {
    /// `github.api_url`: where the API is.
    pub api_url: String,
    /// How this host shows who it is.
    pub login: GithubLogin,
    /// `github.webhook_secret_file`: what webhooks are signed with.
    pub webhook_secret_file: Option<PathBuf>,
    /// `github.repositories`: `owner/name`, or `owner/*`.
    pub repositories: Vec<String>,
}

/// How this host shows who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GithubLogin {
    /// `github.token_file`: a file with a token.
    Token(PathBuf),
    /// An App that is installed somewhere.
    App {
        /// `github.app_id`
        app_id: String,
        /// `github.installation_id`
        installation_id: u64,
        /// `github.private_key_file`: its key, in PEM.
        private_key_file: PathBuf,
    },
}

impl GithubTable {
    /// Has paths begin where the file is.
    pub(crate) fn resolve(&mut self, directory: &Path) {
        let resolve = |path: &mut PathBuf| *path = directory.join(&*path);
        match &mut self.login {
            GithubLogin::Token(path) => resolve(path),
            GithubLogin::App { private_key_file, .. } => resolve(private_key_file),
        }
        self.webhook_secret_file.as_mut().map(resolve);
    }
}

/// Reads the table. One that has settings alone sets nothing up.
pub(crate) fn read(reader: &mut Reader, table: &Fields<'_>) -> Option<GithubTable> {
    if KEYS.iter().all(|key| table.get(key).is_none()) {
        return None;
    }
    let login = read_login(reader, table);
    let repositories = reader.required(table, "repositories").map(|node| read_repositories(reader, &node));
    let api_url = table.get("api_url").map_or(Some(API_URL.to_owned()), |node| read_url(reader, &node));
    let webhook_secret_file = read_path(reader, table, "webhook_secret_file");
    Some(GithubTable { api_url: api_url?, login: login?, webhook_secret_file, repositories: repositories? })
}

fn read_login(reader: &mut Reader, table: &Fields<'_>) -> Option<GithubLogin> {
    let token_file = read_path(reader, table, "token_file");
    let app = ["app_id", "installation_id", "private_key_file"].into_iter().filter(|key| table.get(key).is_some()).count();
    match (token_file, app) {
        (Some(path), 0) => Some(GithubLogin::Token(path)),
        (None, 3) => Some(GithubLogin::App {
            app_id: read_app_id(reader, &table.get("app_id")?)?,
            installation_id: reader.integer(&table.get("installation_id")?, 1..=i64::MAX)?.unsigned_abs(),
            private_key_file: read_path(reader, table, "private_key_file")?,
        }),
        _ => {
            let message = format!("{} does not say who this host is", table.place);
            let help = "write `token_file`, or all of `app_id`, `installation_id` and `private_key_file`";
            reader.report(Diagnostic::new(message, table.span.clone()).help(help.to_owned()));
            None
        }
    }
}

/// A number, or the client id that newer Apps have.
fn read_app_id(reader: &mut Reader, node: &Node<'_>) -> Option<String> {
    match node.as_integer() {
        Some(number) => Some(number.to_string()),
        None => reader.string(node).map(str::to_owned),
    }
}

fn read_path(reader: &mut Reader, table: &Fields<'_>, key: &str) -> Option<PathBuf> {
    let node = table.get(key)?;
    reader.string(&node).map(PathBuf::from)
}

fn read_url(reader: &mut Reader, node: &Node<'_>) -> Option<String> {
    let url = reader.string(node)?;
    if url.starts_with("https://") || url.starts_with("http://") {
        return Some(url.to_owned());
    }
    let message = format!("{} is no URL of an API", quote(url));
    reader.report(Diagnostic::new(message, node.span.clone()).help(format!("write one like \"{API_URL}\"")));
    None
}

fn read_repositories(reader: &mut Reader, node: &Node<'_>) -> Vec<String> {
    let mut repositories = Vec::new();
    for (node, text) in reader.strings(node) {
        let parts = text.split_once('/').filter(|(owner, name)| !owner.is_empty() && !name.is_empty() && *owner != "*");
        if parts.is_some_and(|(_, name)| !name.contains('/')) {
            repositories.push(text.to_owned());
        } else {
            let help = "write \"owner/name\", or \"owner/*\" for all of an owner";
            reader.report(Diagnostic::new(format!("{} is no repository", quote(text)), node.span.clone()).help(help.to_owned()));
        }
    }
    repositories
}

#[cfg(test)]
mod tests {
    use crate::OperatorConfig;
    use crate::operator::github::GithubLogin;
    use std::path::PathBuf;

    fn parsed(text: &str) -> Result<OperatorConfig, String> {
        OperatorConfig::parse(text, "spell.toml").map_err(|error| error.to_string())
    }

    #[test]
    fn a_token_or_an_app_sets_github_up() {
        let token = parsed("[github]\ntoken_file = \"token\"\nrepositories = [\"acme/spells\", \"other/*\"]\n").unwrap().github.unwrap();
        assert_eq!((token.api_url.as_str(), token.login), ("https://api.github.com", GithubLogin::Token(PathBuf::from("token"))));
        let app = "[github]\napp_id = 7\ninstallation_id = 9\nprivate_key_file = \"/k.pem\"\nrepositories = []\n";
        let expected = GithubLogin::App { app_id: "7".into(), installation_id: 9, private_key_file: "/k.pem".into() };
        assert_eq!(parsed(app).unwrap().github.unwrap().login, expected);
        assert_eq!(parsed("[github]\npoll_interval = \"1s\"\n").unwrap().github, None);
    }

    #[test]
    fn what_is_half_set_up_is_refused() {
        for (text, expected) in [
            ("repositories = []", "does not say who this host is"),
            ("token_file = \"t\"", "has no `repositories`"),
            ("token_file = \"t\"\napp_id = 1\nrepositories = []", "does not say who this host is"),
            ("app_id = 1\nrepositories = []", "does not say who this host is"),
            ("token_file = \"t\"\nrepositories = [\"acme\"]", "is no repository"),
            ("token_file = \"t\"\nrepositories = [\"*/*\"]", "is no repository"),
            ("token_file = \"t\"\nrepositories = []\napi_url = \"api.github.com\"", "is no URL"),
            ("token_file = \"t\"\nrepositories = []\ntoken = \"x\"", "unknown key"),
        ] {
            let error = parsed(&format!("[github]\n{text}\n")).expect_err(text);
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
