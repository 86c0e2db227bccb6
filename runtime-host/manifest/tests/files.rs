//! The files of a component, found in real directories.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test that fails should end at once")]

use spell_manifest::{App, FilesError, Source, load};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use tempfile::TempDir;

/// An app in a directory of its own, next to a file that it must not reach.
struct Sandbox {
    directory: TempDir,
}

impl Sandbox {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        for file in [
            "secret.txt",
            "app/a.html",
            "app/[x].txt",
            "app/assets/b.html",
            "app/assets/deep/c.html",
            "app/assets/deep/c.css",
            "app/.hidden/d.html",
        ] {
            let path = directory.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, file).unwrap();
        }
        Self { directory }
    }

    fn link(&self, target: &str, link: &str) {
        symlink(target, self.root().join(link)).unwrap();
    }

    fn root(&self) -> std::path::PathBuf {
        self.directory.path().join("app")
    }

    fn find(&self, files: &str, exclude: &str) -> Result<Vec<String>, FilesError> {
        let text = format!(
            "spin_manifest_version = 2\napplication = {{ name = \"x\" }}\n[component.x]\nsource = \"x.wasm\"\nfiles = {files}\nexclude_files = {exclude}\n"
        );
        fs::write(self.root().join("spin.toml"), text).unwrap();
        let app = load(&self.root()).unwrap();
        let root = self.root().canonicalize().unwrap();
        let found = app.files(app.component("x").unwrap())?;
        assert!(found.iter().all(|file| file.source.starts_with(&root)), "{found:?}");
        Ok(found.into_iter().map(|file| file.destination).collect())
    }
}

#[test]
fn patterns_and_mounts_find_their_files() {
    let sandbox = Sandbox::new();
    sandbox.link("a.html", "inside.html");
    sandbox.link("..", "assets/deep/loop");
    for (files, exclude, expected) in [
        (r#"[]"#, "[]", vec![]),
        (r#"["a.html"]"#, "[]", vec!["/a.html"]),
        (r#"["./a.html"]"#, "[]", vec!["/a.html"]),
        (r#"["*.html"]"#, "[]", vec!["/a.html", "/inside.html"]),
        (r#"["[x].txt"]"#, "[]", vec!["/[x].txt"]),
        (r#"["assets"]"#, "[]", vec!["/assets/b.html", "/assets/deep/c.css", "/assets/deep/c.html"]),
        (r#"["assets/**/*.html"]"#, "[]", vec!["/assets/b.html", "/assets/deep/c.html"]),
        (r#"["assets/*/*.html"]"#, "[]", vec!["/assets/deep/c.html"]),
        (r#"["assets/**/*"]"#, r#"["assets/deep/*.css"]"#, vec!["/assets/b.html", "/assets/deep/c.html"]),
        (r#"["assets"]"#, r#"["assets/d*"]"#, vec!["/assets/b.html"]),
        (r#"["nothing/*.html"]"#, "[]", vec![]),
        (r#"[{ source = "assets", destination = "/" }]"#, "[]", vec!["/b.html", "/deep/c.css", "/deep/c.html"]),
        (r#"[{ source = "assets/deep", destination = "/x/y" }]"#, "[]", vec!["/x/y/c.css", "/x/y/c.html"]),
        (r#"[{ source = "a.html", destination = "x/index.html" }]"#, "[]", vec!["/x/index.html"]),
        (r#"["a.html", { source = "assets/b.html", destination = "a.html" }]"#, "[]", vec!["/a.html"]),
    ] {
        assert_eq!(sandbox.find(files, exclude).unwrap(), expected, "{files} without {exclude}");
    }
}

#[test]
fn what_is_not_there_or_not_allowed_is_refused_with_the_reason() {
    let sandbox = Sandbox::new();
    sandbox.link("../secret.txt", "out.txt");
    sandbox.link("..", "outside");
    sandbox.link("nowhere", "dangling.txt");
    for (files, part) in [
        (r#"["missing.txt"]"#, "`missing.txt` does not exist and doesn't appear to be a glob"),
        (r#"[{ source = "missing", destination = "x" }]"#, "does not exist"),
        (r#"[{ source = "a.html", destination = "/" }]"#, "`/` is not a valid destination file name"),
        (r#"["out.txt"]"#, "leaves the app's directory"),
        (r#"["o*.txt"]"#, "leaves the app's directory"),
        (r#"["outside/secret.txt"]"#, "leaves the app's directory"),
        (r#"["outside/*.txt"]"#, "leaves the app's directory"),
        (r#"["**/*.txt"]"#, "leaves the app's directory"),
        (r#"[{ source = "outside", destination = "/" }]"#, "leaves the app's directory"),
        (r#"["d*.txt"]"#, "cannot read"),
        (r#"["a.html", { source = "assets", destination = "/a.html" }]"#, "`a.html` would be both a file and a directory"),
    ] {
        let error = sandbox.find(files, "[]").unwrap_err().to_string();
        assert!(error.contains(part), "{files}: {error}");
    }
}

#[test]
fn a_link_that_leaves_is_harmless_when_it_is_excluded_or_not_asked_for() {
    let sandbox = Sandbox::new();
    sandbox.link("..", "outside");
    assert_eq!(sandbox.find(r#"["*.html"]"#, "[]").unwrap(), ["/a.html"]);
    assert_eq!(sandbox.find(r#"["**/*.css"]"#, r#"["outside"]"#).unwrap(), ["/assets/deep/c.css"]);
}

#[test]
fn a_pipe_is_not_a_file() {
    let sandbox = Sandbox::new();
    let _listener = std::os::unix::net::UnixListener::bind(sandbox.root().join("socket")).unwrap();
    assert!(matches!(sandbox.find(r#"["socket"]"#, "[]"), Err(FilesError::NotAFile { .. })));
}

#[test]
fn an_app_is_loaded_from_a_directory_a_manifest_or_a_program() {
    let sandbox = Sandbox::new();
    sandbox.find("[]", "[]").unwrap();
    let id = |app: &App| app.components[0].id.clone();
    assert_eq!(id(&load(&sandbox.root()).unwrap()), "x");
    assert_eq!(id(&load(&sandbox.root().join("spin.toml")).unwrap()), "x");
    let program = sandbox.root().join("My_Program.wasm");
    fs::write(&program, b"").unwrap();
    let app = load(&program).unwrap();
    assert_eq!((id(&app).as_str(), app.triggers[0].id.as_str()), ("my-program", "my-program-http-trigger"));
    assert_eq!((&app.components[0].source, &app.root), (&Source::File(program), &sandbox.root()));
}

#[test]
fn a_file_that_cannot_be_a_manifest_is_not_read() {
    let sandbox = Sandbox::new();
    let path = |name: &str| sandbox.root().join(name);
    fs::write(path("large.toml"), vec![b'#'; (1 << 20) + 1]).unwrap();
    fs::write(path("binary.toml"), [0xff, 0xfe]).unwrap();
    for (path, part) in [
        (path("missing.toml"), "cannot read"),
        (path("large.toml"), "larger than 1048576 bytes"),
        (path("binary.toml"), "not UTF-8"),
        (path("assets"), "cannot read"),
    ] {
        assert!(load(Path::new(&path)).unwrap_err().to_string().contains(part), "{}", path.display());
    }
}
