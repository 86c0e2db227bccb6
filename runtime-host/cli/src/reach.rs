//! What casts are granted: what their spells ask to reach, where the operator's file lets it be.
//!
//! It knows who says what about a cast. It must never know whose the spell is, or its program.

use crate::grants::outbound_rules;
use crate::recent::Recent;
use anyhow::{Context, Result};
use spell_capabilities::{
    Audit, ConnectionPlaces, Enforcement, Grants, LogWriter, Outbound, OutboundRules, PlacesMax, Rotation, Scratch, TlsRoots,
};
use spell_cast::{Reach, Reachable};
use spell_manifest::{OperatorConfig, Setting};
use spell_policy::AllowedHosts;
use spell_types::Digest;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// Grants that are kept ready.
const READY_MAX: usize = 256;
/// Connections that all casts have at a time.
const CONNECTIONS_MAX: usize = 256;

/// Grants for whatever spells ask to reach.
pub(crate) struct Granting {
    rules: OutboundRules,
    reachable: Reachable,
    tls: TlsRoots,
    places: Arc<ConnectionPlaces>,
    scratch: Scratch,
    audit: Audit,
    nothing: Arc<Grants>,
    ready: Mutex<Recent<(Digest, Reach), Arc<Grants>>>,
    /// Writes for as long as this lives.
    _logs: Option<LogWriter>,
}

/// A file for what is refused, and what writes it.
fn own_audit(state_dir: &Path, config: &OperatorConfig) -> Result<(Audit, LogWriter)> {
    let log_dir = state_dir.join("logs");
    std::fs::create_dir_all(&log_dir).with_context(|| format!("cannot make the log directory {}", log_dir.display()))?;
    let settings = &config.settings;
    let rotation = Rotation {
        bytes_max: settings.get(Setting::LogBytesMax),
        files_max: u32::try_from(settings.get(Setting::LogFilesMax).saturating_sub(1))?,
    };
    let logs = LogWriter::start(rotation)?;
    let audit = Audit::new(logs.open(Some(&log_dir.join("audit.jsonl")), None)?);
    Ok((audit, logs))
}

/// What the operator lets spells ask for.
pub(crate) fn reachable(config: &OperatorConfig) -> Reachable {
    Reachable { network: config.cast_network, tmp: config.settings.get(Setting::CastTmp) > 0 }
}

impl Granting {
    /// Under what the operator says. What is refused is noted with that of an app beside it, or in the state directory.
    pub(crate) fn open(state_dir: &Path, config: &OperatorConfig, beside: Option<Audit>) -> Result<Self> {
        let (audit, logs) = match beside {
            Some(audit) => (audit, None),
            None => own_audit(state_dir, config).map(|(audit, logs)| (audit, Some(logs)))?,
        };
        let scratch = Scratch { directory: state_dir.join("spell-tmp"), bytes_max: config.settings.get(Setting::CastTmp) };
        scratch.sweep().with_context(|| format!("cannot make {} for what casts write", scratch.directory.display()))?;
        let most = PlacesMax { total: Some(CONNECTIONS_MAX), ..PlacesMax::default() };
        Ok(Self {
            rules: rules(config)?,
            reachable: reachable(config),
            tls: TlsRoots::web()?,
            places: Arc::new(ConnectionPlaces::new(&most)),
            nothing: Arc::new(Grants { audit: audit.clone(), ..Grants::none("cast") }),
            scratch,
            audit,
            ready: Mutex::new(Recent::new(READY_MAX)),
            _logs: logs,
        })
    }

    /// What reaches nothing.
    pub(crate) fn nothing(&self) -> &Arc<Grants> {
        &self.nothing
    }

    /// Grants for a program that may reach this. All its casts that may reach the same share the places of one.
    pub(crate) fn grants(&self, program: Digest, reach: &Reach) -> Result<Arc<Grants>> {
        if *reach == Reach::default() {
            return Ok(self.nothing.clone());
        }
        let mut ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (program, reach.clone());
        if let Some(grants) = ready.get(&key) {
            return Ok(grants);
        }
        let grants = Arc::new(self.make(program, reach)?);
        ready.keep(key, grants.clone());
        Ok(grants)
    }

    fn make(&self, program: Digest, reach: &Reach) -> Result<Grants> {
        let outbound = (self.reachable.network && !reach.network.is_empty()).then(|| {
            let allowed = AllowedHosts::parse(reach.network.iter().map(String::as_str))?;
            let outbound = Outbound::new(OutboundRules { allowed, ..self.rules.clone() }, &self.tls);
            Ok::<_, anyhow::Error>(Arc::new(outbound.with_places(self.places.clone())))
        });
        Ok(Grants {
            environment: reach.environment.iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
            outbound: outbound.transpose()?,
            tmp: (self.reachable.tmp && reach.tmp).then(|| self.scratch.clone()),
            audit: self.audit.clone(),
            ..Grants::none(format!("cast of {program}"))
        })
    }
}

/// The operator's rules for whatever casts ask of the network. Connections are not kept: the next cast may be another tenant's.
fn rules(config: &OperatorConfig) -> Result<OutboundRules> {
    // Whatever the operator tries out with apps of their own: spells are strangers'.
    Ok(OutboundRules { enforcement: Enforcement::Enforce, keep_connections: false, ..outbound_rules(config)? })
}
