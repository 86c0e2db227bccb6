//! Questions to a service on the loopback interface that speaks the protocol.

use super::v2::{Error, Host as _, InferencingParams};
use super::*;
use hyper::Response;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use spell_policy::AddressPolicy;
use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::Duration;

type Seen = Arc<Mutex<Vec<(String, String, Value)>>>;

/// Answers as the model's name says, and keeps what it was asked: path, authorization, body.
async fn serve() -> (u16, Seen) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (port, seen) = (listener.local_addr().unwrap().port(), Seen::default());
    let kept = Arc::clone(&seen);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let kept = Arc::clone(&kept);
            let service = service_fn(move |request| answer(request, Arc::clone(&kept)));
            tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    });
    (port, seen)
}

async fn answer(request: Request<Incoming>, kept: Seen) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let path = request.uri().path().to_owned();
    let authorization = request.headers().get("authorization").map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
    let body: Value = serde_json::from_slice(&request.into_body().collect().await?.to_bytes()).unwrap();
    let model = body["model"].as_str().unwrap().to_owned();
    kept.lock().unwrap().push((path.clone(), authorization, body));
    let usage = json!({ "prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8 });
    let (status, text) = match (model.as_str(), path.as_str()) {
        ("silent", _) => std::future::pending().await,
        ("large", _) => (200, "x".repeat(2_000_000)),
        ("unknown", _) => (404, json!({ "error": { "code": "model_not_found" } }).to_string()),
        ("locked", _) => (401, json!({ "error": { "message": "Incorrect API key: sk-secret" } }).to_string()),
        ("moved", _) => (302, String::new()),
        ("odd", _) => (200, "{\"choices\": []}".to_owned()),
        ("deep", _) => (200, "[".repeat(100_000)),
        (_, "/v1/embeddings") => {
            let data = json!([{ "index": 1, "embedding": [0.5] }, { "index": 0, "embedding": [1.0, -2.5] }]);
            (200, json!({ "object": "list", "data": data, "usage": usage }).to_string())
        }
        _ => {
            let message = json!({ "role": "assistant", "content": "Hello." });
            (200, json!({ "choices": [{ "index": 0, "message": message, "finish_reason": "stop" }], "usage": usage }).to_string())
        }
    };
    Ok(Response::builder().status(status).header("location", "http://127.0.0.1:1/").body(Full::new(Bytes::from(text))).unwrap())
}

const MODELS: [&str; 8] = ["llama", "silent", "large", "unknown", "locked", "moved", "odd", "deep"];

fn host(port: u16, networks: &[&str]) -> Host {
    let allow = networks.iter().map(|network| spell_policy::parse_network(network).unwrap()).collect();
    let rules = OutboundRules {
        addresses: AddressPolicy { allow, ..AddressPolicy::default() },
        first_byte_timeout: Duration::from_millis(300),
        query_bytes_max: 1 << 20,
        ..OutboundRules::default()
    };
    let settings = ModelServiceSettings { url: format!("http://127.0.0.1:{port}/"), token: "sk-secret".to_owned() };
    let service = ModelService::new(&settings, rules, &TlsRoots::web().unwrap()).unwrap();
    let ai_models: BTreeSet<String> = MODELS.iter().map(|&model| model.to_owned()).collect();
    Arc::new(Grants { ai_models, model_service: Some(Arc::new(service)), ..Grants::none("test") }).host(&Limits::default())
}

#[tokio::test]
async fn a_prompt_and_texts_are_asked_and_answered() {
    let (port, seen) = serve().await;
    let mut host = host(port, &["127.0.0.0/8"]);
    let parameters = InferencingParams {
        max_tokens: 7,
        repeat_penalty: 1.1,
        repeat_penalty_last_n_token_count: 64,
        temperature: 0.8,
        top_k: 40,
        top_p: 0.9,
    };
    let result = host.infer("llama".to_owned(), "Say \"hello\"".to_owned(), Some(parameters)).await.unwrap().unwrap();
    assert_eq!((result.text.as_str(), result.usage.prompt_token_count, result.usage.generated_token_count), ("Hello.", 3, 5));
    let result = host.generate_embeddings("llama".to_owned(), vec!["a".to_owned(), "b".to_owned()]).await.unwrap().unwrap();
    assert_eq!((result.embeddings, result.usage.prompt_token_count), (vec![vec![1.0, -2.5], vec![0.5]], 3));
    let seen = seen.lock().unwrap();
    let message = json!([{ "role": "user", "content": "Say \"hello\"" }]);
    let body = json!({ "model": "llama", "messages": message, "max_tokens": 7, "temperature": 0.8, "top_p": 0.9 });
    assert_eq!(seen[0], ("/v1/chat/completions".to_owned(), "Bearer sk-secret".to_owned(), body));
    assert_eq!(seen[1].0, "/v1/embeddings");
    assert_eq!(seen[1].2, json!({ "model": "llama", "input": ["a", "b"] }));
    assert_eq!(host.outbound_requests(), 2);
}

#[tokio::test]
async fn what_goes_wrong_is_told_without_the_token() {
    let (port, seen) = serve().await;
    let mut host = host(port, &["127.0.0.0/8"]);
    for (model, expected) in [
        ("silent", "cannot be reached"),
        ("large", "too large"),
        ("unknown", "ModelNotSupported"),
        ("locked", "it answered 401"),
        ("moved", "it answered 302"),
        ("odd", "cannot be read"),
        ("deep", "cannot be read"),
        ("other", "not in the component's ai_models"),
    ] {
        let error: Error = host.infer(model.to_owned(), "x".to_owned(), None).await.unwrap().unwrap_err();
        let text = format!("{error:?}");
        assert!(text.contains(expected) && !text.contains("sk-"), "{model}: {text}");
    }
    let missing = host.generate_embeddings("llama".to_owned(), vec!["a".to_owned()]).await.unwrap();
    assert!(missing.is_err(), "two embeddings for one text are none");
    assert!(seen.lock().unwrap().iter().all(|(_, _, body)| body["model"] != "other"), "what is not granted is not asked");
    assert_eq!(host.grants.audit.count(Rule::AiModel), 1);
}

#[tokio::test]
async fn a_service_is_under_the_rules_and_limits_of_every_outbound_request() {
    let (port, seen) = serve().await;
    let ask = async |mut host: Host, times: usize| {
        let mut outcomes = Vec::new();
        for _ in 0..times {
            outcomes.push(host.infer("llama".to_owned(), "x".to_owned(), None).await.unwrap().is_ok());
        }
        outcomes
    };
    assert_eq!(ask(host(port, &[]), 1).await, [false], "the operator did not open the address");
    let mut limited = host(port, &["127.0.0.0/8"]);
    let mut limits = Limits::default();
    limits.set(Limit::OutboundRequests, 2);
    limited = Arc::clone(&limited.grants).host(&limits);
    assert_eq!(ask(limited, 3).await, [true, true, false]);
    let none = Arc::new(Grants { ai_models: BTreeSet::from(["llama".to_owned()]), ..Grants::none("test") });
    assert_eq!(ask(none.host(&Limits::default()), 1).await, [false]);
    assert_eq!(seen.lock().unwrap().len(), 2);
}

#[test]
fn settings_that_cannot_work_are_refused() {
    let tls = TlsRoots::web().unwrap();
    let new = |url: &str, token: &str| {
        let settings = ModelServiceSettings { url: url.to_owned(), token: token.to_owned() };
        ModelService::new(&settings, OutboundRules::default(), &tls).map(|service| service.base)
    };
    assert_eq!(new("https://api.example.com", "t").unwrap(), "https://api.example.com");
    assert_eq!(new("http://10.0.0.1:8080/openai/", "").unwrap(), "http://10.0.0.1:8080/openai");
    for url in ["", "api.example.com", "ftp://example.com", "https://user@example.com", "https://example.com/?a=b", "https://0x7f000001"] {
        assert!(matches!(new(url, "t"), Err(ModelServiceError::BadUrl)), "{url}");
    }
    assert!(matches!(new("https://example.com", "a\nb"), Err(ModelServiceError::BadToken)));
}
