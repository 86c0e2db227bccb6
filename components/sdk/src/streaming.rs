//! Spells that stream: what comes and what goes, piece by piece. Knows order; must never keep more than a piece.

use crate::{Content, Failure};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// The most bytes that are taken from the host at once.
#[cfg(target_family = "wasm")]
const PIECE_BYTES_MAX: usize = 64 << 10;

/// What a spell that streams is cast with.
#[derive(Debug)]
pub struct Incoming {
    pub(crate) content_type: Option<String>,
    pub(crate) source: Source,
}

#[derive(Debug)]
pub(crate) enum Source {
    #[cfg(target_family = "wasm")]
    Host(wit_bindgen::StreamReader<u8>),
    Pieces(VecDeque<Vec<u8>>),
}

impl Incoming {
    /// Its media type; `None` where nobody knows.
    #[must_use]
    pub fn content_type(&self) -> Option<&str> {
        self.content_type.as_deref()
    }

    /// Waits for the next bytes, as many as there are; `None` after the last. They break off anywhere, in the middle of a letter too.
    pub async fn next(&mut self) -> Option<Vec<u8>> {
        match &mut self.source {
            #[cfg(target_family = "wasm")]
            Source::Host(reader) => loop {
                let (status, bytes) = reader.read(Vec::with_capacity(PIECE_BYTES_MAX)).await;
                if !bytes.is_empty() {
                    return Some(bytes);
                }
                if !matches!(status, wit_bindgen::StreamResult::Complete(_)) {
                    return None;
                }
            },
            Source::Pieces(pieces) => pieces.pop_front(),
        }
    }
}

/// Where the answer of a spell that streams goes.
#[derive(Debug)]
pub struct Outgoing {
    pub(crate) head: Rc<Head>,
    pub(crate) sink: Sink,
}

/// What is known of an answer when it begins.
#[derive(Debug, Default)]
pub(crate) struct Head {
    pub(crate) content_type: RefCell<Option<String>>,
    /// From the first byte on, nothing more can be said of it but how it ends.
    pub(crate) has_begun: Cell<bool>,
}

#[derive(Debug)]
pub(crate) enum Sink {
    #[cfg(target_family = "wasm")]
    Host(wit_bindgen::StreamWriter<u8>),
    Bytes(Rc<RefCell<Vec<u8>>>),
}

impl Outgoing {
    /// Says what the answer is. After the first bytes it is too late.
    ///
    /// # Errors
    /// If it is too late.
    pub fn set_content_type(&mut self, content_type: impl Into<String>) -> Result<(), Failure> {
        if self.head.has_begun.get() {
            return Err(Failure::failed("the answer has begun, so its media type cannot be set any longer"));
        }
        self.head.content_type.replace(Some(content_type.into()));
        Ok(())
    }

    /// Sends bytes, and waits until somebody has taken them.
    ///
    /// # Errors
    /// If whoever asked has gone away: `aborted`.
    pub async fn write(&mut self, bytes: impl Into<Vec<u8>>) -> Result<(), Failure> {
        let bytes = bytes.into();
        if bytes.is_empty() {
            return Ok(());
        }
        self.head.has_begun.set(true);
        match &mut self.sink {
            #[cfg(target_family = "wasm")]
            Sink::Host(writer) => {
                let left = writer.write_all(bytes).await;
                if left.is_empty() { Ok(()) } else { Err(Failure::new("aborted", "whoever asked has gone away")) }
            }
            Sink::Bytes(all) => {
                all.borrow_mut().extend(bytes);
                Ok(())
            }
        }
    }
}

/// Casts a function that streams with some pieces, as a host would: for tests. The answer is what it has sent, where it did not fail.
///
/// # Errors
/// If it says no, before its first byte or after; or waits for something that only a host can bring.
pub fn cast_streaming<Running, Reason>(
    spell: impl FnOnce(Incoming, Outgoing) -> Running,
    content_type: Option<&str>,
    pieces: &[&[u8]],
) -> Result<Content, Failure>
where
    Running: Future<Output = Result<(), Reason>>,
    Reason: Into<Failure>,
{
    let source = Source::Pieces(pieces.iter().map(|piece| piece.to_vec()).collect());
    let (head, bytes) = (Rc::new(Head::default()), Rc::new(RefCell::new(Vec::new())));
    let outgoing = Outgoing { head: Rc::clone(&head), sink: Sink::Bytes(Rc::clone(&bytes)) };
    let running = pin!(spell(Incoming { content_type: content_type.map(str::to_owned), source }, outgoing));
    // Nothing of what it is given has to be waited for.
    match running.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(outcome) => outcome.map_err(Into::into)?,
        Poll::Pending => return Err(Failure::new("no-answer", "the spell waits for something that only a host can bring")),
    }
    Ok(Content { bytes: bytes.take(), content_type: head.content_type.take() })
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn count(mut input: Incoming, mut output: Outgoing) -> Result<(), Failure> {
        output.set_content_type(input.content_type().unwrap_or("text/plain").to_owned())?;
        while let Some(piece) = input.next().await {
            output.write(format!("{} ", piece.len())).await?;
            if piece == b"stop" {
                output.set_content_type("late/late")?;
            }
        }
        Ok(())
    }

    #[test]
    fn pieces_come_in_order_and_the_answer_is_all_that_was_sent() {
        let answer = cast_streaming(count, Some("a/b"), &[b"one", b"", b"three"]).unwrap();
        assert_eq!(answer, Content::new("3 0 5 ").with_type("a/b"));
        assert_eq!(cast_streaming(count, None, &[]).unwrap(), Content::new("").with_type("text/plain"));
    }

    #[test]
    fn a_media_type_that_comes_late_is_refused_and_so_is_the_answer() {
        let failure = cast_streaming(count, None, &[b"stop"]).unwrap_err();
        assert_eq!(failure, Failure::failed("the answer has begun, so its media type cannot be set any longer"));
    }

    #[test]
    fn a_spell_that_waits_for_the_world_has_no_answer_here() {
        let waiting = |_: Incoming, _: Outgoing| std::future::pending::<Result<(), Failure>>();
        assert_eq!(cast_streaming(waiting, None, &[]).unwrap_err().code, "no-answer");
    }
}
