//! A component of Spin 1: whole bodies in and out. Knows `fermyon:spin/inbound-http`; must never import anything of its own.

#[cfg(target_family = "wasm")]
mod component {
    // The interface as Spin 1 has it: a package without a version.
    wit_bindgen::generate!({
        inline: "
            package fermyon:spin;

            interface http-types {
                type http-status = u16;
                type body = list<u8>;
                type headers = list<tuple<string, string>>;
                type params = list<tuple<string, string>>;
                type uri = string;
                enum method { get, post, put, delete, patch, head, options }
                record request { method: method, uri: uri, headers: headers, params: params, body: option<body> }
                record response { status: http-status, headers: option<headers>, body: option<body> }
            }

            interface inbound-http {
                use http-types.{request, response};
                handle-request: func(req: request) -> response;
            }

            world spin1 { export inbound-http; }
        ",
    });

    use exports::fermyon::spin::inbound_http::{Guest, Request, Response};

    struct Component;

    impl Guest for Component {
        fn handle_request(request: Request) -> Response {
            let path = request.uri.split('?').next().unwrap_or_default();
            let answer = |status: u16, body: Vec<u8>| Response { status, headers: None, body: Some(body) };
            match path.rsplit('/').next().unwrap_or_default() {
                "hello" => answer(200, b"hello".to_vec()),
                "echo" => Response { status: 200, headers: None, body: request.body },
                "headers" => answer(200, told(&request).into_bytes()),
                "own-headers" => Response {
                    status: 201,
                    headers: Some(vec![("x-own".to_owned(), "a".to_owned()), ("connection".to_owned(), "upgrade".to_owned())]),
                    body: None,
                },
                "wrong-length" => Response {
                    status: 200,
                    headers: Some(vec![("content-length".to_owned(), "99".to_owned())]),
                    body: Some(b"short".to_vec()),
                },
                "bad-header" => Response { status: 200, headers: Some(vec![("a b".to_owned(), String::new())]), body: None },
                "no-status" => answer(7, Vec::new()),
                "trap" => core::arch::wasm32::unreachable(),
                _ => answer(404, Vec::new()),
            }
        }
    }

    fn told(request: &Request) -> String {
        let mut text = format!("{:?} {}\n", request.method, request.uri);
        for (name, value) in &request.headers {
            text.push_str(&format!("{name}: {value}\n"));
        }
        text
    }

    export!(Component);
}
