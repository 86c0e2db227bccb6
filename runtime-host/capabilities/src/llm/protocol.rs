//! The protocol of OpenAI, as far as the interface needs it: questions as JSON, answers from it.
//!
//! This module knows JSON. It must never know who asks whom.

use crate::bindings::spin2::llm as v2;
use serde::Deserialize;
use serde_json::{Value, json};

/// A prompt as the only message of a chat. What the protocol has no word for, penalties of repetition and `top-k`, is left out.
pub(super) fn completion(model: &str, prompt: &str, parameters: Option<v2::InferencingParams>) -> Vec<u8> {
    let mut body = json!({ "model": model, "messages": [{ "role": "user", "content": prompt }] });
    if let Some(parameters) = parameters {
        body["max_tokens"] = json!(parameters.max_tokens);
        body["temperature"] = number(parameters.temperature);
        body["top_p"] = number(parameters.top_p);
    }
    body.to_string().into_bytes()
}

pub(super) fn embedding(model: &str, text: &[String]) -> Vec<u8> {
    json!({ "model": model, "input": text }).to_string().into_bytes()
}

/// A number as a person would write it: 0.8 is not 0.800000011920929.
fn number(number: f32) -> Value {
    json!((f64::from(number) * 1e4).round() / 1e4)
}

#[derive(Deserialize)]
struct Completion {
    choices: Vec<Choice>,
    #[serde(default)]
    usage: Usage,
}

#[derive(Deserialize)]
struct Choice {
    message: Message,
}

#[derive(Deserialize)]
struct Message {
    content: Option<String>,
}

#[derive(Deserialize, Default)]
struct Usage {
    #[serde(default)]
    prompt_tokens: u32,
    #[serde(default)]
    completion_tokens: u32,
}

#[derive(Deserialize)]
struct Embeddings {
    data: Vec<Embedding>,
    #[serde(default)]
    usage: Usage,
}

#[derive(Deserialize)]
struct Embedding {
    #[serde(default)]
    index: usize,
    embedding: Vec<f32>,
}

pub(super) fn read_completion(bytes: &[u8]) -> Option<v2::InferencingResult> {
    let answer: Completion = serde_json::from_slice(bytes).ok()?;
    let text = answer.choices.into_iter().next()?.message.content?;
    let usage =
        v2::InferencingUsage { prompt_token_count: answer.usage.prompt_tokens, generated_token_count: answer.usage.completion_tokens };
    Some(v2::InferencingResult { text, usage })
}

/// The embeddings in the order of what was asked; `None` if some are missing.
pub(super) fn read_embedding(bytes: &[u8], asked: usize) -> Option<v2::EmbeddingsResult> {
    let mut answer: Embeddings = serde_json::from_slice(bytes).ok()?;
    answer.data.sort_by_key(|embedding| embedding.index);
    let usage = v2::EmbeddingsUsage { prompt_token_count: answer.usage.prompt_tokens };
    let embeddings: Vec<_> = answer.data.into_iter().map(|embedding| embedding.embedding).collect();
    (embeddings.len() == asked).then_some(v2::EmbeddingsResult { embeddings, usage })
}
