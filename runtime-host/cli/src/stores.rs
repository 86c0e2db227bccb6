//! What stands behind the labels of key-value stores and SQL databases, opened at the start, and what is put there from the command
//! line.
//!
//! This module knows labels and files. It must never know what a component does with them.

use crate::args::{SqlText, Up};
use anyhow::{Context, Result, anyhow, bail};
use spell_capabilities::{GrantedStore, RedisStore, TlsRoots};
use spell_manifest::{App, Component, KeyValueBackend, Secret, Setting, Settings};
use spell_store::{Database, GuestDatabase};
use spell_types::{KeyValueStore, SqlDatabase, SqlLimits};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The label that every host has, of either kind.
pub(crate) const DEFAULT: &str = "default";

/// Which labels there are. A path is a file of the label's own; without one it lies in the state directory.
#[derive(Debug, Clone)]
pub(crate) struct Labels {
    pub(crate) key_value: BTreeMap<String, KeyValueBackend>,
    pub(crate) sqlite: BTreeMap<String, Option<PathBuf>>,
}

impl Default for Labels {
    fn default() -> Self {
        let key_value = BTreeMap::from([(DEFAULT.to_owned(), KeyValueBackend::Spin { path: None })]);
        Self { key_value, sqlite: BTreeMap::from([(DEFAULT.to_owned(), None)]) }
    }
}

/// The stores and databases that labels lead to.
#[derive(Clone)]
pub(crate) struct Stores {
    key_value: BTreeMap<String, GrantedStore>,
    sqlite: BTreeMap<String, Arc<GuestDatabase>>,
    labels: Labels,
    /// The places of the labels that lead to Redis.
    redis: BTreeMap<String, String>,
    /// The host's own.
    database: Arc<Database>,
}

impl Stores {
    /// Opens what the app's components ask for and what the command line names; in memory where there is no state directory.
    pub(crate) fn open(labels: Labels, app: &App, arguments: &Up, state_dir: Option<&Path>, settings: &Settings) -> Result<Stores> {
        let database = Arc::new(match state_dir {
            Some(state_dir) => Database::open(state_dir)?,
            None => Database::in_memory()?,
        });
        let mut stores = Stores { key_value: BTreeMap::new(), sqlite: BTreeMap::new(), labels, redis: BTreeMap::new(), database };
        for (label, backend) in &stores.labels.key_value {
            let (database, name): (Arc<dyn KeyValueStore>, &str) = match backend {
                KeyValueBackend::Spin { path: Some(path) } => (Arc::new(Database::open_file(path)?), DEFAULT),
                KeyValueBackend::Spin { path: None } => (stores.database(), label),
                KeyValueBackend::Redis { url } => (open_redis(label, url, settings, &mut stores.redis)?, label),
            };
            stores.key_value.insert(label.clone(), GrantedStore { database, name: name.into() });
        }
        stores.open_databases_of(app, arguments, state_dir)?;
        Ok(stores)
    }

    /// Opens the databases that an app asks for and that are not open yet.
    pub(crate) fn open_databases_of(&mut self, app: &App, arguments: &Up, state_dir: Option<&Path>) -> Result<()> {
        let asked = app.components.iter().flat_map(|component| &component.sqlite_databases).map(String::as_str);
        let asked: BTreeSet<&str> = asked.chain(arguments.sqlite.iter().map(|text| text.label.as_str())).collect();
        for (label, path) in self.labels.sqlite.iter().filter(|(label, _)| asked.contains(label.as_str())) {
            if self.sqlite.contains_key(label) {
                continue;
            }
            let in_state_dir = || state_dir.map(|state_dir| state_dir.join("sqlite").join(format!("{label}.db")));
            let database = match path.clone().or_else(in_state_dir) {
                Some(path) => GuestDatabase::open(&path, SqlLimits::default())?,
                None => GuestDatabase::in_memory(SqlLimits::default())?,
            };
            self.sqlite.insert(label.clone(), Arc::new(database));
        }
        Ok(())
    }

    /// Puts there what the command line gives.
    pub(crate) async fn fill(&self, arguments: &Up) -> Result<()> {
        for (key, value) in &arguments.key_value {
            let store = self.key_value.get(DEFAULT).context("there is no key-value store \"default\" to set a key in")?;
            let set = store.database.set(&store.name, key, value.clone().into_bytes());
            set.await.with_context(|| format!("--key-value: cannot set the key \"{key}\""))?;
        }
        for text in &arguments.sqlite {
            let known = || unknown("--sqlite", "database", &text.label, self.labels.sqlite.keys());
            let database = Arc::clone(self.sqlite.get(&text.label).ok_or_else(known)?);
            let statements = text.read()?;
            let executed = tokio::task::spawn_blocking(move || database.execute_batch(&statements)).await?;
            executed.with_context(|| format!("--sqlite {}: cannot be executed", text.shown()))?;
        }
        Ok(())
    }

    /// The host's own database, in which more is kept than stores.
    pub(crate) fn database(&self) -> Arc<Database> {
        Arc::clone(&self.database)
    }

    /// The key-value stores that a component asks for.
    pub(crate) fn key_value_of(&self, component: &Component) -> Result<BTreeMap<String, GrantedStore>> {
        granted("key_value_stores", &component.key_value_stores, &component.id, &self.key_value)
    }

    /// The SQL databases that a component asks for.
    pub(crate) fn sqlite_of(&self, component: &Component) -> Result<BTreeMap<String, Arc<dyn SqlDatabase>>> {
        let databases = self.sqlite.iter().map(|(label, database)| (label.clone(), Arc::clone(database) as Arc<dyn SqlDatabase>));
        granted("sqlite_databases", &component.sqlite_databases, &component.id, &databases.collect())
    }

    /// Where the data of the labels `default` are, a line for each kind.
    pub(crate) fn announcements(&self, state_dir: Option<&PathBuf>) -> Vec<String> {
        let place = |path: &Option<PathBuf>, file: &str| match (path, state_dir) {
            (Some(path), _) => format!("to \"{}\"", path.display()),
            (None, Some(state_dir)) => format!("to \"{}\"", state_dir.join(file).display()),
            (None, None) => "in memory: nothing of it is there at the next start".to_owned(),
        };
        let key_value = match (self.labels.key_value.get(DEFAULT), self.redis.get(DEFAULT)) {
            (_, Some(redis)) => format!("to Redis at {redis}"),
            (Some(KeyValueBackend::Spin { path }), None) => place(path, "spell.db"),
            (_, None) => place(&None, "spell.db"),
        };
        let sqlite = self.sqlite.contains_key(DEFAULT).then(|| self.labels.sqlite.get(DEFAULT)).flatten();
        let sqlite = sqlite.map(|path| format!("Storing default SQLite data {}", place(path, "sqlite/default.db")));
        [format!("Storing default key-value data {key_value}")].into_iter().chain(sqlite).collect()
    }
}

/// A store on a Redis server. Two labels are two stores: they cannot lead to the same keys.
fn open_redis(label: &str, url: &Secret, settings: &Settings, places: &mut BTreeMap<String, String>) -> Result<Arc<dyn KeyValueStore>> {
    let (connect_time_max, answer_time_max) = (settings.time(Setting::ConnectTime), settings.time(Setting::QueryTime));
    let store = RedisStore::new(url.expose(), &TlsRoots::machine()?, connect_time_max, answer_time_max);
    let store = store.with_context(|| format!("[key_value_store.{label}]: the url cannot be used"))?;
    let place = store.place();
    if let Some((other, _)) = places.iter().find(|(_, known)| **known == place) {
        bail!(
            "[key_value_store.{label}] leads to the database that [key_value_store.{other}] leads to, {place}: give each a number of its own"
        );
    }
    places.insert(label.to_owned(), place);
    Ok(Arc::new(store))
}

fn granted<T: Clone>(key: &str, asked: &[String], component: &str, known: &BTreeMap<String, T>) -> Result<BTreeMap<String, T>> {
    let find = |label: &String| match known.get(label) {
        Some(found) => Ok((label.clone(), found.clone())),
        None => Err(unknown(&format!("component \"{component}\""), key, label, known.keys())),
    };
    asked.iter().map(find).collect()
}

fn unknown<'a>(place: &str, key: &str, label: &str, known: impl Iterator<Item = &'a String>) -> anyhow::Error {
    let known: Vec<String> = known.map(|label| format!("\"{label}\"")).collect();
    anyhow!(
        "unknown {key} label \"{label}\" for {place}: known are {}; others are told by the file of --runtime-config-file",
        if known.is_empty() { "none".to_owned() } else { known.join(", ") }
    )
}

impl SqlText {
    fn read(&self) -> Result<String> {
        match &self.file {
            None => Ok(self.text.clone()),
            Some(file) => std::fs::read_to_string(file).with_context(|| format!("--sqlite: cannot read {}", file.display())),
        }
    }

    fn shown(&self) -> String {
        match &self.file {
            Some(file) => format!("@{}", file.display()),
            None => format!("\"{}\"", self.text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::{Arguments, Command};
    use clap::Parser;
    use spell_types::SqlValue;

    const APP: &str = "spin_manifest_version = 2\napplication = { name = \"x\" }\n[[trigger.http]]\nroute = \"/\"\ncomponent = \"a\"\n\
        [component.a]\nsource = \"a.wasm\"\nkey_value_stores = [\"default\", \"cache\", \"far\"]\nsqlite_databases = [\"default\", \"other\"]\n";

    fn up(arguments: &[&str]) -> Up {
        match Arguments::parse_from([&["spell", "up"], arguments].concat()).command {
            Command::Up(up) => *up,
            other => panic!("{other:?}"),
        }
    }

    async fn ask(stores: &Stores, component: &Component, label: &str, statement: &str) -> Option<SqlValue> {
        let databases = stores.sqlite_of(component).expect("granted");
        let answer = databases[label].connect().execute(statement.to_owned(), vec![]).await.expect(statement);
        answer.rows.into_iter().flatten().next()
    }

    #[tokio::test]
    async fn any_number_of_labels_lead_to_places_of_their_own() {
        let directory = tempfile::tempdir().expect("directory");
        std::fs::write(directory.path().join("spin.toml"), APP).expect("write");
        let app = spell_manifest::load(directory.path()).expect("load");
        let component = &app.components[0];
        let far = Some(directory.path().join("elsewhere/far.db"));
        let labels = Labels {
            key_value: [("default", None), ("cache", None), ("far", far.clone())]
                .map(|(label, path)| (label.to_owned(), KeyValueBackend::Spin { path }))
                .into(),
            sqlite: [("default".to_owned(), None), ("other".to_owned(), Some(directory.path().join("elsewhere/sql.db")))].into(),
        };
        let file = directory.path().join("fill.sql");
        std::fs::write(&file, "CREATE TABLE t (a); INSERT INTO t VALUES ('other')").expect("write");
        let of_other = format!("@{}:other", file.display());
        let arguments = up(&["--key-value", "k=default", "--sqlite", "CREATE TABLE d (a)", "--sqlite", &of_other]);
        let state = directory.path().join("state");
        for round in 0..2 {
            let stores = Stores::open(labels.clone(), &app, &arguments, Some(&state), &Settings::default()).expect("open");
            let granted = stores.key_value_of(component).expect("granted");
            if round == 0 {
                stores.fill(&arguments).await.expect("fill");
                for label in ["cache", "far"] {
                    granted[label].database.set(&granted[label].name, "k", label.into()).await.expect("set");
                }
            }
            for label in ["default", "cache", "far"] {
                assert_eq!(granted[label].database.get(&granted[label].name, "k").await, Ok(Some(label.into())), "round {round}");
            }
            assert_eq!(ask(&stores, component, "other", "SELECT a FROM t").await, Some(SqlValue::Text("other".to_owned())));
            assert_eq!(ask(&stores, component, "default", "SELECT count(*) FROM d").await, Some(SqlValue::Integer(0)));
        }
        assert!(far.is_some_and(|far| far.exists()) && state.join("sqlite/default.db").exists());
        let only_default = Stores::open(Labels::default(), &app, &up(&[]), None, &Settings::default()).expect("open");
        let error = only_default.key_value_of(component).map(drop).expect_err("unknown");
        assert_eq!(
            error.to_string(),
            "unknown key_value_stores label \"cache\" for component \"a\": known are \"default\"; others are told by the file of --runtime-config-file"
        );
    }
}
