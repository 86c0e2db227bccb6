//! Tables of patterns and paths.

use super::*;

fn routes(patterns: &[&str]) -> Routes<usize> {
    Routes::new(patterns.iter().enumerate().map(|(index, pattern)| ((*pattern).to_owned(), index))).expect("routes")
}

#[test]
fn paths_lead_where_spin_leads_them() {
    let table: &[(&[&str], &str, Option<usize>)] = &[
        (&["/x/..."], "/x", Some(0)),
        (&["/x/..."], "/x/", Some(0)),
        (&["/x/..."], "/x/a/b", Some(0)),
        (&["/x/..."], "/xa", None),
        (&["/xy/..."], "/xyz/a", None),
        (&["/x/...", "/xa/..."], "/xa/b", Some(1)),
        (&["/foo/:a"], "/fooabc", None),
        (&["/:a/b/..."], "/x/bc/d", None),
        (&["/x/*"], "/x/a", Some(0)),
        (&["/:name"], "/a", Some(0)),
        (&["/:name"], "/", None),
        (&["/:name"], "/a/b", None),
        (&["/f/:n.:ext"], "/f/a.txt", Some(0)),
        (&["/foo"], "//foo//", Some(0)),
        (&["/foo/bar"], "/foo//bar", None),
        (&["/Foo"], "/foo", None),
        (&["/a b"], "/a%20b", None),
        (&["foo"], "/foo", Some(0)),
        (&["/:a/b", "/a/:b"], "/a/b", Some(1)),
        (&["/...", "/a/...", "/a/b"], "/a/b", Some(2)),
        (&["/...", "/a/...", "/a/b"], "/a/c", Some(1)),
        (&["/...", "/a/...", "/a/b"], "/c", Some(0)),
        (&["/dup", "/other", "/dup"], "/dup", Some(2)),
        (&["/a/:x", "/a/:y"], "/a/1", Some(0)),
        (&["/foo", "/foo/"], "/foo", Some(0)),
        // A segment that begins with a dot is a literal like any other, whatever stands before and behind it in the table.
        (&["/.well-known/acme/...", "/..."], "/.well-known/acme/x", Some(0)),
        (&["/...", "/.well-known/acme/..."], "/.well-known/acme/x", Some(1)),
        (&["/:x/:y", "/.well-known/a"], "/.well-known/a", Some(1)),
        (&["/api/.well-known/x"], "/api/.well-known/x", Some(0)),
        (&["/api/.well-known/x"], "/api.well-known/x", None),
        (&["/:n.:e", "/:n"], "/f.txt", Some(0)),
        (&["/:n.:e", "/:a/b", "/:n"], "/f.txt", Some(0)),
        // Segments are whole, and a parameter is something.
        (&["/:a.b/..."], "/x.bc", None),
        (&["/x/:b"], "/x//y", None),
    ];
    for (patterns, path, expected) in table {
        assert_eq!(routes(patterns).find(path).map(|found| *found.target), *expected, "{patterns:?} {path}");
    }
}

#[test]
fn the_trailing_path_begins_where_the_wildcard_does() {
    for (pattern, path, expected) in [
        ("/t/...", "/t", ""),
        ("/t/...", "/t/", "/"),
        ("/t/...", "/t/h", "/h"),
        ("/t/...", "/t/h/", "/h/"),
        ("/:a/t/...", "/x/t/h", "/h"),
        ("/...", "/a/b", "/a/b"),
        ("/...", "/", "/"),
        ("/t", "/t", ""),
    ] {
        let routes = routes(&[pattern]);
        let found = routes.find(path).expect(path);
        assert_eq!(found.route.path_info(path), expected, "{pattern} {path}");
    }
}

#[test]
fn patterns_that_cannot_be_matched_are_refused() {
    for pattern in ["/a/*/b", "/a/:", "/a/*x", "/a/.../b", "/a\n", "/:ä/b"] {
        assert!(Routes::new([(pattern.to_owned(), ())]).is_err(), "{pattern}");
    }
}

#[test]
fn doubtful_tables_are_warned_about() {
    assert_eq!(routes(&["/a", "/b"]).warnings().len(), 0);
    assert_eq!(routes(&["/a", "/a"]).warnings().len(), 1);
    assert_eq!(routes(&["/a/:x", "/a/:y"]).warnings().len(), 1);
    assert_eq!(routes(&["/.well-known/spin/health"]).warnings().len(), 1);
}
