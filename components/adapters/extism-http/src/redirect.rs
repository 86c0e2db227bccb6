//! Where an answer sends on to, as Extism's own host follows it. Knows statuses and locations; must never send anything.

use crate::request::{Request, Target};
use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;

/// How often a request is sent on before it is given up.
pub(crate) const REDIRECTS_MAX: usize = 5;
/// They are for the one who was asked first.
const CREDENTIALS: [&str; 2] = ["authorization", "cookie"];

/// The request that an answer asks for, without a body; `None` if the answer is to be taken as it is.
pub(crate) fn next(request: &Request, target: &Target, has_body: bool, status: u16, location: &str) -> Option<Request> {
    let method = request.method().to_ascii_uppercase();
    let is_reading = method == "GET" || method == "HEAD";
    let method = match status {
        301..=303 if is_reading => method,
        301..=303 => "GET".to_owned(),
        307 | 308 if is_reading && !has_body => method,
        _ => return None,
    };
    let url = resolved(target, location.trim());
    // A place that cannot be asked is refused when it is, with the reason.
    let is_same_origin = Target::parse(&url).is_ok_and(|other| (other.is_https, &other.authority) == (target.is_https, &target.authority));
    let is_kept = |name: &str| {
        let is = |other: &&str| name.eq_ignore_ascii_case(other);
        !is(&"host") && (is_same_origin || !CREDENTIALS.iter().any(is))
    };
    let headers = request.headers.iter().filter(|(name, _)| is_kept(name)).map(|(name, value)| (name.clone(), value.clone()));
    Some(Request { url, method: Some(method), headers: headers.collect() })
}

fn resolved(target: &Target, location: &str) -> String {
    let scheme = if target.is_https { "https" } else { "http" };
    let origin = format!("{scheme}://{}", target.authority);
    let path = target.path_with_query.split('?').next().unwrap_or_default();
    let before_query = location.split(['?', '#']).next().unwrap_or_default();
    if before_query.contains("://") {
        location.to_owned()
    } else if location.starts_with("//") {
        format!("{scheme}:{location}")
    } else if location.starts_with('/') {
        format!("{origin}{location}")
    } else if before_query.is_empty() {
        format!("{origin}{path}{location}")
    } else {
        let folder = path.rfind('/').and_then(|end| path.get(..=end)).unwrap_or("/");
        format!("{origin}{folder}{location}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: &str) -> (Request, Target) {
        let headers = r#"{"Authorization":"a","cookie":"b","host":"c","x-d":"e"}"#;
        let json = format!(r#"{{"url":"https://one.example:8443/a/b?c","method":"{method}","headers":{headers}}}"#);
        let request = Request::parse(json.as_bytes()).unwrap();
        let target = Target::parse(&request.url).unwrap();
        (request, target)
    }

    #[test]
    fn some_statuses_send_on_and_a_body_is_sent_once() {
        for (method, has_body, status, expected) in [
            ("GET", false, 301, Some("GET")),
            ("head", false, 302, Some("HEAD")),
            ("POST", true, 303, Some("GET")),
            ("DELETE", false, 302, Some("GET")),
            ("GET", false, 307, Some("GET")),
            ("HEAD", false, 308, Some("HEAD")),
            ("GET", true, 308, None),
            ("POST", true, 307, None),
            ("POST", false, 308, None),
            ("GET", false, 300, None),
            ("GET", false, 304, None),
            ("GET", false, 200, None),
        ] {
            let (request, target) = request(method);
            let next = next(&request, &target, has_body, status, "/x");
            assert_eq!(next.as_ref().map(Request::method), expected, "{method} {has_body} {status}");
        }
    }

    #[test]
    fn a_location_is_read_from_where_the_answer_came() {
        let (_, target) = request("GET");
        for (location, expected) in [
            ("http://other.example/x", "http://other.example/x"),
            ("//other.example/x", "https://other.example/x"),
            ("/x?y#z", "https://one.example:8443/x?y#z"),
            ("x", "https://one.example:8443/a/x"),
            ("x?u=http://y", "https://one.example:8443/a/x?u=http://y"),
            ("?y", "https://one.example:8443/a/b?y"),
            ("", "https://one.example:8443/a/b"),
        ] {
            assert_eq!(resolved(&target, location), expected, "{location}");
        }
    }

    #[test]
    fn credentials_stay_with_the_one_who_was_asked_first() {
        let (request, target) = request("GET");
        for (location, kept) in [
            ("/x", "Authorization cookie x-d"),
            ("https://ONE.example:8443/x", "Authorization cookie x-d"),
            ("http://one.example:8443/x", "x-d"),
            ("https://one.example/x", "x-d"),
            ("//other.example/x", "x-d"),
            ("ftp://one.example", "x-d"),
        ] {
            let next = next(&request, &target, false, 302, location).unwrap();
            let names: Vec<&str> = next.headers.keys().map(String::as_str).collect();
            assert_eq!(names.join(" "), kept, "{location}");
        }
    }
}
