//! Requests and answers as CGI has them (RFC 3875), for programs that know nothing of HTTP: the executor `wagi`.
//!
//! This file knows variables and the head of an output. It must never know how a program is run.

use crate::routes::Route;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, LOCATION};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, request};
use http_body_util::{BodyExt, Full};
use percent_encoding::percent_decode_str;
use spell_capabilities::{Program, ProgramOutput};
use spell_types::{Limit, Limits};
use wasmtime_wasi_http::WasiBody;

/// Most bytes of the head of an answer; they come on top of what its body may have.
const HEAD_BYTES_MAX: u64 = 64 << 10;

/// What a program is run with for a request whose headers the host has vouched for.
pub(crate) fn program(parts: &request::Parts, route: &Route, arguments: &str, body: Bytes, limits: &Limits) -> Program {
    let script = route.without_wildcard.to_str().unwrap_or_default();
    let query = parts.uri.query().unwrap_or_default();
    let text = arguments.replace("${SCRIPT_NAME}", script).replace("${ARGS}", &query.replace('&', " "));
    let bytes_max = limits.get(Limit::Response).saturating_add(HEAD_BYTES_MAX);
    Program {
        arguments: text.split_whitespace().map(str::to_owned).collect(),
        environment: environment(parts, script, query, body.len()),
        input: body,
        output: ProgramOutput::new(usize::try_from(bytes_max).unwrap_or(usize::MAX)),
    }
}

fn environment(parts: &request::Parts, script: &str, query: &str, body_bytes: usize) -> Vec<(String, String)> {
    let header = |name: &str| parts.headers.get(name).map(lossy).unwrap_or_default();
    let authority = parts.uri.authority();
    let port = if parts.uri.scheme_str() == Some("https") { "443" } else { "80" };
    let client = header("spin-client-addr");
    let address = client.rsplit_once(':').map_or(client.as_str(), |(address, _)| address).trim_matches(['[', ']']).to_owned();
    let path = header("spin-path-info");
    let fixed = [
        ("GATEWAY_INTERFACE", "CGI/1.1".to_owned()),
        ("SERVER_SOFTWARE", "WAGI/1".to_owned()),
        ("SERVER_PROTOCOL", format!("{:?}", parts.version)),
        ("SERVER_NAME", authority.map(|authority| authority.host().to_owned()).unwrap_or_default()),
        ("SERVER_PORT", authority.and_then(|authority| authority.port_u16()).map_or_else(|| port.to_owned(), |port| port.to_string())),
        ("REQUEST_METHOD", parts.method.to_string()),
        ("SCRIPT_NAME", script.to_owned()),
        ("QUERY_STRING", query.to_owned()),
        ("PATH_INFO", percent_decode_str(&path).decode_utf8_lossy().into_owned()),
        ("PATH_TRANSLATED", percent_decode_str(&path).decode_utf8_lossy().into_owned()),
        ("X_RAW_PATH_INFO", path.clone()),
        ("CONTENT_LENGTH", body_bytes.to_string()),
        ("CONTENT_TYPE", header("content-type")),
        ("AUTH_TYPE", String::new()),
        ("REMOTE_USER", String::new()),
        ("REMOTE_ADDR", address.clone()),
        ("REMOTE_HOST", address),
    ];
    let mut variables: Vec<(String, String)> = fixed.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    for name in parts.headers.keys() {
        let value = parts.headers.get_all(name).iter().next_back().map(lossy).unwrap_or_default();
        variables.extend(variable(name).map(|name| (name, value)));
    }
    variables
}

/// The variable that a header becomes, if it becomes one. `Proxy` must not: programs take `HTTP_PROXY` for the operator's.
fn variable(name: &HeaderName) -> Option<String> {
    let capitals = |text: &str| text.to_ascii_uppercase().replace('-', "_");
    if let Some(ours) = name.as_str().strip_prefix("spin-") {
        return (ours != "path-info").then(|| format!("X_{}", capitals(ours)));
    }
    let is_left_out = *name == AUTHORIZATION || *name == CONNECTION || *name == CONTENT_LENGTH || *name == CONTENT_TYPE || name == "proxy";
    (!is_left_out).then(|| format!("HTTP_{}", capitals(name.as_str())))
}

fn lossy(value: &HeaderValue) -> String {
    // Nothing with a NUL in it can be an environment variable.
    String::from_utf8_lossy(value.as_bytes()).replace('\0', "")
}

/// The answer that a program printed, or what is wrong with it.
pub(crate) fn answer(output: &Bytes) -> Result<Response<WasiBody>, String> {
    let (head, body_at) = split(output).ok_or("its output has no head: print headers, and an empty line behind them")?;
    let mut headers = HeaderMap::new();
    let mut status = None;
    for line in head.lines().filter(|line| !line.is_empty()) {
        let (name, value) = line.split_once(':').ok_or_else(|| format!("\"{}\" is no header", line.escape_debug()))?;
        let (name, value) = (name.trim(), value.trim());
        if name.eq_ignore_ascii_case("status") {
            let number = value.split_whitespace().next().unwrap_or_default();
            status = Some(number.parse().map_err(|_| format!("\"{}\" is no status", value.escape_debug()))?);
            continue;
        }
        let header = HeaderName::try_from(name).ok().zip(HeaderValue::try_from(value).ok());
        let (name, value) = header.ok_or_else(|| format!("\"{}\" is no header", line.escape_debug()))?;
        headers.append(name, value);
    }
    let by_location = if headers.contains_key(LOCATION) { StatusCode::FOUND } else { StatusCode::OK };
    if !headers.contains_key(CONTENT_TYPE) && !headers.contains_key(LOCATION) && status.is_none() {
        return Err("its head has none of content-type, status and location".to_owned());
    }
    // How long the body is can be seen; what belongs to the connection is not the program's.
    for name in ["content-length", "transfer-encoding", "connection", "keep-alive", "upgrade", "trailer", "te"] {
        headers.remove(name);
    }
    let mut response = Response::new(Full::new(output.slice(body_at..)).map_err(|never| match never {}).boxed_unsync());
    *response.status_mut() = status.unwrap_or(by_location);
    *response.headers_mut() = headers;
    Ok(response)
}

/// The head, and where the body begins: behind the first empty line, whichever ends its lines have.
fn split(output: &Bytes) -> Option<(&str, usize)> {
    let ends = output.windows(2).enumerate().filter(|(_, pair)| pair[0] == b'\n');
    for (at, pair) in ends {
        let body_at = match (pair[1], output.get(at + 2)) {
            (b'\n', _) => at + 2,
            (b'\r', Some(b'\n')) => at + 3,
            _ => continue,
        };
        return std::str::from_utf8(output.get(..at)?).ok().map(|head| (head, body_at));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(output: &str) -> Result<(u16, usize), String> {
        answer(&Bytes::copy_from_slice(output.as_bytes())).map(|response| (response.status().as_u16(), response.headers().len()))
    }

    #[test]
    fn an_output_is_a_head_and_a_body() {
        for (output, expected) in [
            ("content-type: text/plain\n\nhello", Ok((200, 1))),
            ("content-type: text/plain\r\n\r\nhello", Ok((200, 1))),
            ("status: 418 I am a teapot\nx-a: b\n\n", Ok((418, 1))),
            ("location: /x\n\n", Ok((302, 1))),
            ("content-type: a/b\ncontent-length: 99\nconnection: close\n\n", Ok((200, 1))),
            ("", Err("no head")),
            ("hello", Err("no head")),
            ("hello\n\n", Err("no header")),
            ("x-a: b\n\n", Err("none of")),
            ("status: many\n\n", Err("no status")),
            ("status: 99999\n\n", Err("no status")),
            ("a b: c\n\n", Err("no header")),
        ] {
            match (read(output), expected) {
                (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{output:?}"),
                (Err(found), Err(expected)) => assert!(found.contains(expected), "{output:?}: {found}"),
                (found, expected) => panic!("{output:?}: {found:?} and not {expected:?}"),
            }
        }
    }

    #[test]
    fn headers_become_variables_but_for_those_that_must_not() {
        for (name, expected) in [
            ("accept", Some("HTTP_ACCEPT")),
            ("x-b-c", Some("HTTP_X_B_C")),
            ("spin-full-url", Some("X_FULL_URL")),
            ("spin-path-match-user-id", Some("X_PATH_MATCH_USER_ID")),
            ("spin-path-info", None),
            ("proxy", None),
            ("authorization", None),
            ("connection", None),
        ] {
            assert_eq!(variable(&HeaderName::from_static(name)).as_deref(), expected, "{name}");
        }
    }
}
