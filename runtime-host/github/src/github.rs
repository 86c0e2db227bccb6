//! GitHub as an engine: what is set up, the runs that are followed, and the trait that the pipeline asks.
//!
//! It knows who waits for which run. It must never know what an answer of GitHub looks like.

use crate::api::{Api, Ask};
use crate::credentials::{Credentials, Secret};
use crate::repositories::Repositories;
use crate::runs::{cancel_path, inputs};
use crate::web::Web;
use crate::webhook::Webhook;
use crate::{INPUT_CHARACTERS_MAX, find};
use spell_cast::{Dispatched, Followed, Heard, Notice, Workflow, WorkflowCast, WorkflowRefused, WorkflowRun, Workflows};
use spell_types::BoxFuture;
use std::collections::HashMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// Longest time to ask that a run is cancelled.
const CANCEL_TIME_MAX: Duration = Duration::from_secs(30);

/// How often GitHub is asked, and for how long.
#[derive(Debug, Clone, Copy)]
pub struct Polling {
    /// Time between two questions about a run at first.
    pub interval: Duration,
    /// The same, once it has grown.
    pub interval_max: Duration,
    /// How long a run is looked for that was dispatched.
    pub find_time_max: Duration,
}

/// What an operator sets up.
pub struct Setup {
    /// URL of the API.
    pub api_url: String,
    /// How this host shows who it is.
    pub credentials: Credentials,
    /// What webhooks are signed with, if somebody listens.
    pub webhook_secret: Option<Secret>,
    /// The repositories that spells may use.
    pub repositories: Repositories,
    /// How often GitHub is asked.
    pub polling: Polling,
    /// Bytes of an artifact as it is downloaded.
    pub artifact_bytes_max: u64,
    /// Runs at a time.
    pub runs_max: usize,
}

/// GitHub, as an engine.
pub struct GitHub(Arc<Shared>);

/// What every cast works with.
pub(crate) struct Shared {
    pub(crate) api: Api,
    pub(crate) polling: Polling,
    pub(crate) artifact_bytes_max: u64,
    /// Whether the server tells of the run that it dispatched, as far as is known.
    pub(crate) tells_details: AtomicBool,
    repositories: Repositories,
    webhook: Option<Webhook>,
    places: Arc<Semaphore>,
    followed: Mutex<HashMap<u64, Place>>,
}

/// The place of a run among those that are followed.
struct Place {
    wake: Arc<Notify>,
    _permit: OwnedSemaphorePermit,
}

impl GitHub {
    /// An engine that asks over this.
    pub fn new(web: Arc<dyn Web>, setup: Setup) -> Self {
        let Setup { api_url, credentials, webhook_secret, repositories, polling, artifact_bytes_max, runs_max } = setup;
        Self(Arc::new(Shared {
            api: Api::new(web, &api_url, credentials),
            polling,
            artifact_bytes_max,
            tells_details: AtomicBool::new(true),
            repositories,
            webhook: webhook_secret.map(|secret| Webhook::new(&secret)),
            places: Arc::new(Semaphore::new(runs_max)),
            followed: Mutex::default(),
        }))
    }
}

impl Workflows for GitHub {
    fn allows(&self, workflow: &Workflow) -> Result<(), WorkflowRefused> {
        self.0.repositories.allow(workflow)
    }

    fn takes(&self, cast: &WorkflowCast<'_>) -> Result<(), WorkflowRefused> {
        let input = text(cast)?;
        let characters = inputs(cast, input).to_string().chars().count();
        if characters > INPUT_CHARACTERS_MAX {
            return Err(WorkflowRefused::InputTooLarge { characters, characters_max: INPUT_CHARACTERS_MAX });
        }
        Ok(())
    }

    fn dispatch<'a>(&'a self, cast: WorkflowCast<'a>) -> BoxFuture<'a, Dispatched> {
        Box::pin(async move {
            let Ok(permit) = self.0.places.clone().try_acquire_owned() else { return Dispatched::Not(crate::dispatch::busy()) };
            let mut abandoned = Abandoned::new(&self.0, cast.workflow, Whose::Cast(cast.cast_id.to_owned()));
            let dispatched = self.0.dispatch(&cast).await;
            abandoned.is_not = true;
            if let Dispatched::Run(WorkflowRun { id: Some(id), .. }) = &dispatched {
                self.0.followed().insert(*id, Place { wake: Arc::default(), _permit: permit });
            }
            dispatched
        })
    }

    fn follow<'a>(&'a self, run: &'a WorkflowRun, cast: WorkflowCast<'a>) -> BoxFuture<'a, Followed> {
        Box::pin(async move {
            let Some(id) = run.id else { return Followed::Unknown };
            let wake = self.0.followed().get(&id).map(|place| place.wake.clone()).unwrap_or_default();
            let mut abandoned = Abandoned::new(&self.0, &run.workflow, Whose::Run(id));
            let followed = self.0.follow(id, &cast, &wake).await;
            abandoned.is_not = true;
            followed
        })
    }

    fn hear(&self, delivery: Notice<'_>) -> Heard {
        let Some(webhook) = &self.0.webhook else { return Heard::NotSetUp };
        let (heard, run) = webhook.hear(&delivery);
        // What it says of the run is not believed: whoever follows the run asks, now.
        if let Some(place) = run.and_then(|run| self.0.followed().get(&run).map(|place| place.wake.clone())) {
            place.notify_one();
        }
        heard
    }
}

impl Shared {
    /// Asks that a run is cancelled. One that has ended stays as it is.
    pub(crate) async fn cancel(&self, repository: &str, id: u64) {
        let (path, nothing) = (cancel_path(repository, id), serde_json::json!({}));
        let said = self.api.ask(Ask::post(&path, &nothing), CANCEL_TIME_MAX).await;
        tracing::info!(repository, id, answer = %said.reason(), "a run is cancelled");
    }

    /// Nothing that could panic leaves them half changed.
    fn followed(&self) -> MutexGuard<'_, HashMap<u64, Place>> {
        self.followed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The input of a cast as a workflow is handed it.
pub(crate) fn text<'a>(cast: &WorkflowCast<'a>) -> Result<&'a str, WorkflowRefused> {
    std::str::from_utf8(&cast.input.bytes).map_err(|_| WorkflowRefused::NotText)
}

/// How long it is until a cast has to have ended.
pub(crate) fn left(cast: &WorkflowCast<'_>) -> Duration {
    cast.deadline.saturating_duration_since(Instant::now())
}

/// Whose run it is that nobody waits for any more.
enum Whose {
    Cast(String),
    Run(u64),
}

/// Cancels a run when whoever waits for it goes away.
struct Abandoned {
    shared: Arc<Shared>,
    workflow: Workflow,
    whose: Option<Whose>,
    is_not: bool,
}

impl Abandoned {
    fn new(shared: &Arc<Shared>, workflow: &Workflow, whose: Whose) -> Self {
        Self { shared: shared.clone(), workflow: workflow.clone(), whose: Some(whose), is_not: false }
    }
}

impl Drop for Abandoned {
    fn drop(&mut self) {
        let Some(whose) = self.whose.take() else { return };
        if let Whose::Run(id) = whose {
            self.shared.followed().remove(&id);
        }
        // Without a runtime, the host has ended.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        if self.is_not {
            return;
        }
        let (shared, workflow) = (self.shared.clone(), self.workflow.clone());
        runtime.spawn(async move {
            let ids = match whose {
                Whose::Run(id) => vec![id],
                Whose::Cast(cast_id) => match shared.find(&workflow, &cast_id, shared.polling.find_time_max).await {
                    find::Found::Runs(runs) => runs.iter().map(|run| run.id).collect(),
                    find::Found::None | find::Found::Unsure => Vec::new(),
                },
            };
            for id in ids {
                shared.cancel(&workflow.repository, id).await;
            }
        });
    }
}
