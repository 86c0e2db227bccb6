//! A component that exports `spell:runtime/cast`, compiled and linked once, and cast in a fresh instance each time.
//!
//! It knows content, and when a cast has ended. It must never know how its bytes get into a guest, or what they mean.

mod guest;

pub(crate) use guest::FUNCTION_TYPE;

use crate::execution::Execution;
use crate::linked::{self, Linked};
use crate::meter::Guest;
use crate::{Engine, Failure, Flavour, Linkers, LoadError};
use spell_types::{Content, Limit, Limits, Usage};
use std::future::poll_fn;
use std::sync::Arc;
use std::time::Instant;
use wasmtime::component::{Component, ComponentExportIndex, ComponentType, Lift};

/// The interface that is cast.
pub const CAST_INTERFACE: &str = "spell:runtime/cast@0.1.0";

/// Why a spell gives no answer, in its own words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, ComponentType, Lift)]
#[component(record)]
#[error("{code}: {message}")]
pub struct CastFailure {
    /// A word for programs, in kebab case.
    #[component(name = "code")]
    pub code: String,
    /// A sentence for people.
    #[component(name = "message")]
    pub message: String,
}

/// What a spell made of its input.
pub type CastAnswer = Result<Content, CastFailure>;

/// A cast that has ended.
#[derive(Debug)]
pub struct Cast {
    /// What the spell answered, or what kept it from answering.
    pub answer: Result<CastAnswer, Failure>,
    /// What it used up.
    pub usage: Usage,
}

/// A spell that is cast with content, with `C` as the host state behind its imports.
///
/// ```no_run
/// use spell_engine::{CastSpell, Compiler, Content, Engine, EngineConfig};
/// use spell_types::Limits;
/// use std::{sync::Arc, time::Instant};
///
/// # async fn shout(wasm: &[u8]) -> Result<(), Box<dyn std::error::Error>> {
/// let engine = Engine::new(&EngineConfig::default(), None, Compiler::InProcess)?;
/// let spell = Arc::new(CastSpell::load(&engine, &engine.linkers(), wasm)?);
/// let input = Content { bytes: "hello".into(), content_type: None };
/// let cast = spell.cast(input, (), &Limits::default(), Instant::now()).await;
/// println!("{:?} took {:?}", cast.answer, cast.usage.wall);
/// # Ok(())
/// # }
/// ```
pub struct CastSpell<C: 'static> {
    linked: Linked<C>,
    function: ComponentExportIndex,
}

impl<C: Send + 'static> CastSpell<C> {
    /// Compiles a component, or takes its code from the cache, and links it to what the host offers: for plain calls if it can do
    /// with them. This blocks for as long as compiling takes.
    pub fn load(engine: &Engine, linkers: &Linkers<Guest<C>>, wasm: &[u8]) -> Result<Self, LoadError> {
        linked::load(engine, wasm, |component, flavour| Self::link(engine, linkers, component, flavour))
    }

    fn link(engine: &Engine, linkers: &Linkers<Guest<C>>, component: &Component, flavour: Flavour) -> Result<Self, LoadError> {
        let function = guest::function(engine.of(flavour), component)?;
        Ok(Self { linked: Linked::new(engine, linkers, component, flavour)?, function })
    }

    /// How many of the places that [`EngineConfig::instances_max`](crate::EngineConfig::instances_max) counts one cast takes.
    pub fn places(&self) -> u32 {
        self.linked.places
    }

    /// Makes an instance and throws it away: shows whether the host's limits let it live.
    pub async fn try_instantiate(&self, host: C, limits: &Limits) -> Result<(), Failure> {
        self.linked.try_instantiate(host, limits).await
    }

    /// Starts a cast. Nothing runs until it is polled, and it ends when it is dropped. How long that takes is its caller's to bound.
    pub fn start(self: &Arc<Self>, input: Content, host: C, limits: &Limits) -> Result<Execution<CastAnswer>, Failure> {
        if input.bytes.len() as u64 > limits.get(Limit::Request) {
            return Err(Failure::Limit(Limit::Request));
        }
        let (spell, bytes_max) = (self.clone(), limits.get(Limit::Response));
        self.linked.begin(host, limits, |store, answer| async move {
            let result = guest::run(&spell.linked.instance, spell.function, store, &input, bytes_max).await?;
            let _ = answer.send(Ok(result));
            Ok(())
        })
    }

    /// Casts the spell. Its time counts from when it was admitted. To be awaited within a Tokio runtime with time.
    pub async fn cast(self: &Arc<Self>, input: Content, host: C, limits: &Limits, admitted: Instant) -> Cast {
        let bytes_in = input.bytes.len() as u64;
        let mut execution = match self.start(input, host, limits) {
            Ok(execution) => execution,
            Err(failure) => return Cast { answer: Err(failure), usage: Usage { wall: admitted.elapsed(), ..Usage::default() } },
        };
        let time_left = limits.time().saturating_sub(admitted.elapsed());
        let answer = tokio::time::timeout(time_left, poll_fn(|context| execution.poll_answer(context))).await;
        let answer = answer.unwrap_or(Err(Failure::Limit(Limit::Time)));
        let bytes_out = if let Ok(Ok(content)) = &answer { content.bytes.len() as u64 } else { 0 };
        Cast { answer, usage: Usage { wall: admitted.elapsed(), bytes_in, bytes_out, ..execution.finish() } }
    }
}
