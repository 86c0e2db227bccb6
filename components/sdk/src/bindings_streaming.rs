//! The contract that streams, as it is compiled. Knows the interface's shape, and when an answer begins; must never know a spell.

use crate::streaming::{Head, Incoming, Outgoing, Sink, Source};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

#[expect(missing_docs, reason = "it is generated")]
pub mod generated {
    wit_bindgen::generate!({
        path: "../../wit/spell-runtime",
        world: "streaming-spell",
        pub_export_macro: true,
        export_macro_name: "__export_bindings",
    });
}

pub use generated::exports::spell::runtime::cast_streaming::{Answer, Content, Failure, Guest};

/// Casts a spell with what the host gave. It answers with the first byte, and runs on while the rest is taken.
pub async fn cast<Running>(spell: fn(Incoming, Outgoing) -> Running, input: Content) -> Result<Answer, Failure>
where
    Running: Future<Output = Result<(), crate::Failure>> + 'static,
{
    let (head, (writer, bytes)) = (Rc::new(Head::default()), generated::wit_stream::new());
    let incoming = Incoming { content_type: input.content_type, source: Source::Host(input.bytes) };
    let mut running = Box::pin(spell(incoming, Outgoing { head: Rc::clone(&head), sink: Sink::Host(writer) }));
    let begun = poll_fn(|context| match running.as_mut().poll(context) {
        Poll::Ready(outcome) => Poll::Ready(Some(outcome)),
        Poll::Pending if head.has_begun.get() => Poll::Ready(None),
        Poll::Pending => Poll::Pending,
    });
    let outcome = match begun.await {
        Some(Err(failure)) => return Err(foreign(failure)),
        outcome => outcome,
    };
    let (ended, end) = generated::wit_future::new(|| Err(foreign(crate::Failure::failed("the spell ended without a word"))));
    wit_bindgen::spawn(async move {
        let outcome = match outcome {
            Some(outcome) => outcome,
            None => running.await,
        };
        // Whoever has gone away needs no more.
        let _ = ended.write(outcome.map_err(foreign)).await;
    });
    Ok(Answer { content: Content { bytes, content_type: head.content_type.take() }, end })
}

fn foreign(crate::Failure { code, message }: crate::Failure) -> Failure {
    Failure { code, message }
}
