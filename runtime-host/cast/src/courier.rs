//! The courier: takes deliveries that are due, hands them over, and records what came of it. One for each host.
//!
//! It knows when something is tried, and how much at once. It must never know how a delivery is handed over.

use crate::Platform;
use crate::ledger::CastRecord;
use crate::webhooks::schedule::{ATTEMPTS_MAX, wait};
use crate::webhooks::{Attempted, Due, Event, WebhookError, WebhookSecret};
use spell_types::BoxFuture;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::task::{Id, JoinSet};
use tokio::time::{sleep, timeout};

/// Deliveries under way at once, of all endpoints together. To one endpoint there is one.
pub const DELIVERIES_AT_ONCE_MAX: usize = 64;
/// The longest that an attempt may take.
pub const ATTEMPT_TIME_MAX: Duration = Duration::from_secs(15);
/// The longest until it is looked for deliveries again, also if nobody says that there are some.
const LOOK_TIME_MAX: Duration = Duration::from_secs(30);
/// The pause after the store could not be used.
const PAUSE: Duration = Duration::from_secs(1);

/// What is handed over.
#[derive(Debug, Clone)]
pub struct Letter {
    /// Its name for machines, the same each time that it is tried.
    pub id: String,
    /// Where it goes.
    pub url: String,
    /// What happened.
    pub event: Event,
    /// When it happened.
    pub created_at: SystemTime,
    /// When it is handed over.
    pub sent_at: SystemTime,
    /// Which attempt this is; the first is 1.
    pub attempt: u32,
    /// Which endpoint it is for.
    pub webhook_id: String,
    /// The cast that it is about, without its output.
    pub cast: Option<CastRecord>,
    /// What signs it: one secret, or two while one takes the place of the other.
    pub secrets: Vec<WebhookSecret>,
}

/// What became of a letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handed {
    /// What to do with it now.
    pub verdict: Verdict,
    /// What the endpoint answered, as a number.
    pub status: Option<u16>,
    /// Why it was not taken, for the endpoint's owner.
    pub error: Option<String>,
}

/// What to do with a letter that was handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It was taken.
    Taken,
    /// It was not; try again, after such a time at the earliest if the endpoint asks for one.
    Again(Option<Duration>),
    /// The endpoint wants no more of them.
    Gone,
}

/// Nothing may be delivered to a URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct UrlRefused(pub String);

/// Nothing is delivered.
impl Courier for () {
    fn judge(&self, _: &str) -> Result<(), UrlRefused> {
        Err(UrlRefused("this host delivers nothing".to_owned()))
    }

    fn hand_over<'a>(&'a self, _: Letter) -> BoxFuture<'a, Handed> {
        Box::pin(std::future::pending())
    }
}

/// Hands over letters.
pub trait Courier: Send + Sync {
    /// Whether letters may go to a URL, as far as it can be told without asking anybody.
    fn judge(&self, url: &str) -> Result<(), UrlRefused>;

    /// Hands a letter over once.
    fn hand_over<'a>(&'a self, letter: Letter) -> BoxFuture<'a, Handed>;
}

impl Platform {
    /// Delivers what is due for as long as it is polled. Whatever is under way when it is dropped is tried again by whoever polls next.
    pub async fn deliver_webhooks(self: Arc<Self>) {
        let mut under_way = JoinSet::new();
        let mut busy: HashMap<Id, String> = HashMap::new();
        loop {
            match self.begin_due(&mut under_way, &mut busy).await {
                Ok(()) => {}
                // Whoever keeps them has said why.
                Err(_) => sleep(PAUSE).await,
            }
            let look_again = self.until_due(&busy).await;
            tokio::select! {
                Some(ended) = under_way.join_next_with_id() => {
                    let id = ended.map_or_else(|error| error.id(), |(id, ())| id);
                    busy.remove(&id);
                }
                () = self.posted.notified() => {}
                () = sleep(look_again) => {}
            }
        }
    }

    /// Begins as many of the deliveries that are due as there are places.
    async fn begin_due(self: &Arc<Self>, under_way: &mut JoinSet<()>, busy: &mut HashMap<Id, String>) -> Result<(), WebhookError> {
        let places = DELIVERIES_AT_ONCE_MAX.saturating_sub(busy.len());
        if places == 0 {
            return Ok(());
        }
        let due = self.webhooks.due_deliveries((self.now)(), busy.values().cloned().collect(), places).await?;
        for due in due {
            let (platform, webhook_id) = (self.clone(), due.webhook.id.clone());
            busy.insert(under_way.spawn(async move { platform.attempt(due).await }).id(), webhook_id);
        }
        Ok(())
    }

    /// How long nothing is due.
    async fn until_due(&self, busy: &HashMap<Id, String>) -> Duration {
        if busy.len() >= DELIVERIES_AT_ONCE_MAX {
            return LOOK_TIME_MAX;
        }
        match self.webhooks.next_due(busy.values().cloned().collect()).await {
            Ok(Some(due_at)) => due_at.duration_since((self.now)()).unwrap_or_default().min(LOOK_TIME_MAX),
            Ok(None) => LOOK_TIME_MAX,
            Err(_) => PAUSE,
        }
    }

    /// One attempt, and what is recorded of it.
    async fn attempt(&self, due: Due) {
        let (delivery_id, attempt) = (due.delivery.id.clone(), due.delivery.attempts.saturating_add(1).min(ATTEMPTS_MAX));
        let handed = match self.letter(due, attempt) {
            Ok(letter) => timeout(ATTEMPT_TIME_MAX, self.courier.hand_over(letter)).await.unwrap_or_else(|_| too_slow()),
            Err(handed) => handed,
        };
        let at = (self.now)();
        let due_at = match handed.verdict {
            Verdict::Taken | Verdict::Gone => None,
            Verdict::Again(asked) => wait(attempt, self.webhook_retry_first, asked, random()).and_then(|wait| at.checked_add(wait)),
        };
        let attempted = Attempted { delivery_id, handed, at, due_at };
        // What cannot be recorded is due still, and nobody is to be asked again at once.
        while let Err(WebhookError::Full | WebhookError::Unavailable) = self.webhooks.attempted(attempted.clone()).await {
            sleep(PAUSE).await;
        }
    }

    /// A delivery as it is handed over, signed with what signs now.
    fn letter(&self, due: Due, attempt: u32) -> Result<Letter, Handed> {
        let Due { delivery, webhook, cast } = due;
        let sent_at = (self.now)();
        let previous = webhook.previous.as_ref().filter(|(_, until)| *until > sent_at).map(|(sealed, _)| sealed);
        let secrets = [Some(&webhook.secret), previous].into_iter().flatten();
        let secrets = secrets.map(|sealed| sealed.open(&self.pepper, &webhook.id)).collect::<Result<_, _>>();
        let secrets = secrets.map_err(|lost| Handed { verdict: Verdict::Again(None), status: None, error: Some(lost.to_string()) })?;
        Ok(Letter {
            id: delivery.id,
            url: webhook.about.url,
            event: delivery.event,
            created_at: delivery.created_at,
            sent_at,
            attempt,
            webhook_id: webhook.id,
            cast,
            secrets,
        })
    }
}

fn too_slow() -> Handed {
    Handed { verdict: Verdict::Again(None), status: None, error: Some(format!("there was no answer within {ATTEMPT_TIME_MAX:?}")) }
}

/// Any number. Where there is none, waits are as long as the schedule says.
fn random() -> u16 {
    let mut bytes = [0; 2];
    getrandom::fill(&mut bytes).map(|()| u16::from_le_bytes(bytes)).unwrap_or(0)
}
