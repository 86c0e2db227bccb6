//! A program without any notion of HTTP but CGI's: environment and standard input in, standard output out.

use std::io::{Read, Write, stdin, stdout};

fn main() {
    // The environment of a request whose path is what is asked about.
    let is_asked = std::env::var("QUERY_STRING").is_ok_and(|query| query == "environment");
    let path = if is_asked { "/environment".to_owned() } else { std::env::var("PATH_INFO").unwrap_or_default() };
    let mut body = Vec::new();
    let _ = stdin().read_to_end(&mut body);
    let print = |bytes: &[u8]| drop(stdout().write_all(bytes));
    match path.as_str() {
        "/hello" => print(b"content-type: text/plain\n\nhello"),
        "/echo" => {
            print(b"content-type: application/octet-stream\r\n\r\n");
            print(&body);
        }
        "/environment" => {
            print(b"content-type: text/plain\n\n");
            let mut variables: Vec<String> = std::env::vars().map(|(name, value)| format!("{name}={value}\n")).collect();
            variables.sort();
            variables.iter().for_each(|line| print(line.as_bytes()));
            std::env::args().for_each(|argument| print(format!("argument {argument}\n").as_bytes()));
        }
        "/status" => print(b"status: 418 I am a teapot\ncontent-type: text/plain\n\nshort and stout"),
        "/moved" => print(b"location: /elsewhere\n\n"),
        "/silent" => {}
        "/no-head" => print(b"hello"),
        "/exit" => {
            print(b"content-type: text/plain\n\nbefore");
            std::process::exit(3);
        }
        "/endless" => loop {
            print(&[b'x'; 65_536]);
        },
        "/trap" => std::process::abort(),
        _ => print(b"status: 404\ncontent-type: text/plain\n\n"),
    }
}
