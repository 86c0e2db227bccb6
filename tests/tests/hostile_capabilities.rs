//! Cards G: guests that use what they were given for what it was not given for.

use spell_tests::hostile::Arena;
use spell_tests::{Host, REVISIONS, Setup, app, component, encode};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Every file below a directory with its content.
fn contents(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(contents(&path));
        } else {
            found.insert(path.display().to_string(), fs::read(&path).unwrap_or_default());
        }
    }
    found
}

#[test]
fn files_are_copies_that_nobody_can_change_or_leave() {
    let parts: Vec<String> =
        REVISIONS.iter().map(|revision| component(revision, revision, "files = [{ source = \"assets\", destination = \"/\" }]")).collect();
    let setup = Setup::new("").file("assets/open.txt", "open").file("assets/deep/er.txt", "deeper").file("secret.txt", "secret");
    let directory = setup.directory().to_owned();
    let mut arena = Arena::around(setup.manifest(&app(&[vec![component("canary", "p2", "")], parts].concat())));
    let before = (contents(&directory.join("assets")), contents(&arena.host.state_dir().join("assets")));
    let mut wrong = Vec::new();
    for revision in REVISIONS {
        assert_eq!(arena.host.app.get(&format!("/{revision}/files?path=/open.txt")).text(), "open");
        #[rustfmt::skip]
        let attacks: Vec<(&str, String)> = vec![
            ("parent", "files?path=../secret.txt".to_owned()),
            ("parents", format!("files?path=/{}etc/passwd", "../".repeat(30))),
            ("through-a-directory", "files?path=/deep/../../secret.txt".to_owned()),
            ("absolute", "files?path=/etc/passwd".to_owned()),
            ("environment-of-the-host", "files?path=/proc/self/environ".to_owned()),
            ("descriptors-of-the-host", "files?path=/proc/self/fd/1".to_owned()),
            ("nul", format!("files?path={}", encode("/open.txt\0.png"))),
            ("long-name", format!("files?path=/{}", "a".repeat(4096))),
            ("deep-path", format!("files?path={}", encode(&"/deep".repeat(1000)))),
            ("device", "files?path=/dev/zero".to_owned()),
            ("write", "file?op=write&path=/open.txt&n=100".to_owned()),
            ("write-new", "file?op=write&path=/new.txt&n=100".to_owned()),
            ("append", "file?op=append&path=/open.txt&n=100".to_owned()),
            ("truncate", "file?op=truncate&path=/open.txt&n=0".to_owned()),
            ("remove", "file?op=remove&path=/open.txt".to_owned()),
            ("rename", "file?op=rename&path=/open.txt&to=/moved.txt".to_owned()),
            ("rename-out", "file?op=rename&path=/open.txt&to=/../moved.txt".to_owned()),
            ("create-directory", "file?op=create-dir&path=/new".to_owned()),
            ("remove-directory", "file?op=remove-dir&path=/deep".to_owned()),
            ("symbolic-link-out", "file?op=symlink&path=/etc/passwd&to=/link".to_owned()),
            ("symbolic-link-with-slash", "file?op=symlink&path=..&to=/link/".to_owned()),
            ("hard-link", "file?op=hard-link&path=/open.txt&to=/link".to_owned()),
        ];
        for (name, path) in attacks {
            let attack = |host: &Host| {
                let answer = host.app.get(&format!("/{revision}/{path}"));
                if answer.status == 404 && !answer.text().contains("secret") {
                    Ok(())
                } else {
                    Err(format!("{} {}", answer.status, answer.text()))
                }
            };
            wrong.extend(arena.judge("G3", &format!("{name}-{revision}"), attack).err());
        }
        let attack = |host: &Host| {
            let answer = host.app.get(&format!("/{revision}/file?op=open-many&path=/open.txt&n=100000"));
            if answer.status == 404 || answer.status == 502 { Ok(()) } else { Err(format!("{} {}", answer.status, answer.text())) }
        };
        wrong.extend(arena.judge("G4", &format!("hundred-thousand-descriptors-{revision}"), attack).err());
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let after = (contents(&directory.join("assets")), contents(&arena.host.state_dir().join("assets")));
    assert_eq!(before, after, "the files are as they were");
    arena.close();
}

#[test]
fn thousands_of_file_operations_at_once_keep_nobody_from_their_own() {
    let files = "files = [{ source = \"assets\", destination = \"/\" }]\ntool.spell.limits = { time = \"20s\" }";
    let parts = REVISIONS.map(|revision| component(revision, revision, files));
    let setup = Setup::new("").file("assets/open.txt", "open");
    let mut arena = Arena::around(setup.manifest(&app(&[vec![component("canary", "p2", "")], parts.to_vec()].concat())));
    let mut wrong = Vec::new();
    // Those of 0.2 come one after the other. Each of 0.3 holds a handle, and of those a guest has only so many.
    for (revision, times, expected) in
        [("p2", 10_000, (200, "10000")), ("p3", 1_000, (200, "1000")), ("p3", 10_000, (502, "store handle limit exceeded"))]
    {
        let attack = |host: &Host| {
            let (app, flood) = (host.app, format!("/{revision}/file-flood?path=/open.txt&n={times}"));
            let flooding = std::thread::spawn(move || app.get(&flood));
            while !flooding.is_finished() {
                let read = host.app.get("/p2/files?path=/open.txt").text();
                if read != "open" {
                    return Err(format!("another one reads {read:?}"));
                }
            }
            let answer = flooding.join().map_err(|_| "nobody was there to be answered".to_owned())?;
            let is_right = answer.status == expected.0 && answer.text().contains(expected.1);
            if is_right { Ok(()) } else { Err(format!("{} {}", answer.status, answer.text())) }
        };
        wrong.extend(arena.judge("G5", &format!("{times}-at-once-{revision}"), attack).err());
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    arena.close();
}

#[test]
fn clocks_go_in_steps_too_coarse_to_time_a_cache() {
    let mut arena = Arena::start(&[], &REVISIONS.map(|revision| component(revision, revision, "")), "");
    let mut wrong = Vec::new();
    for revision in REVISIONS {
        let attack = |host: &Host| {
            let steps = (0..20).map(|_| host.app.get(&format!("/{revision}/clock")).json());
            let fine = steps
                .flat_map(|now| [now["wall_ns"].as_u64(), now["monotonic_ns"].as_u64()])
                .find(|ns| ns.is_none_or(|ns| ns % 100_000 != 0));
            fine.map_or(Ok(()), |ns| Err(format!("{ns:?} is finer")))
        };
        wrong.extend(arena.judge("G8", &format!("both-clocks-{revision}"), attack).err());
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    arena.close();
}

#[test]
fn links_in_the_apps_files_do_not_lead_out() {
    let setup = Setup::new("").file("assets/open.txt", "open").file("secret.txt", "secret");
    std::os::unix::fs::symlink("../secret.txt", setup.directory().join("assets/link.txt")).expect("link");
    std::os::unix::fs::symlink("/etc", setup.directory().join("assets/etc")).expect("link");
    let parts = REVISIONS.map(|revision| component(revision, revision, "files = [{ source = \"assets\", destination = \"/\" }]"));
    let setup = setup.manifest(&app(&parts));
    let ended = setup.fail();
    assert_eq!(ended.code, Some(1), "{}", ended.stdout);
    assert!(ended.stderr.contains("is a symbolic link that leaves the app's directory"), "{}", ended.stderr);
}

#[test]
fn keys_and_values_are_data_and_nothing_else() {
    // Eleven thousand keys are as many writes to the disk, one after the other.
    let lines = "key_value_stores = [\"default\"]\ntool.spell.limits = { time = \"1m\" }";
    let mut arena = Arena::start(&[], &REVISIONS.map(|revision| component(revision, revision, lines)), "");
    let mut wrong = Vec::new();
    let long = "k".repeat(8_193);
    #[rustfmt::skip]
    let keys: Vec<(&str, bool)> = vec![
        ("'; DROP TABLE key_values; --", true), ("\" OR 1=1", true), ("%", true), ("_", true), ("*", true), ("\\", true), ("../../spell.db", true),
        ("\u{202e}abc", true), ("ａｂｃ", true), ("🔥", true), ("\u{1b}[31m", true), ("a\nb", true), ("a\tb", true), (" ", true), ("NULL", true),
        ("-1", true), ("0", true), ("\u{feff}", true), ("é", true), ("e\u{301}", true), ("a\0b", true), (&long, false),
    ];
    for revision in REVISIONS {
        for (index, (key, is_taken)) in keys.iter().enumerate() {
            let attack = |host: &Host| {
                let path = |op: &str| format!("/{revision}/kv?op={op}&key={}&value=v{index}", encode(key));
                let (set, got) = (host.app.get(&path("set")), host.app.get(&path("get")));
                let is_right = if *is_taken { set.status == 200 && got.text() == format!("v{index}") } else { set.status == 404 };
                let listed = host.app.get(&path("keys")).text();
                let is_listed = listed.contains(&serde_json::to_string(key).unwrap_or_default());
                if is_right && is_listed == *is_taken {
                    Ok(())
                } else {
                    Err(format!("{} {}, {}, listed: {is_listed}", set.status, set.text(), got.text()))
                }
            };
            let name: String = key.chars().take(20).flat_map(char::escape_default).collect();
            wrong.extend(arena.judge("G6", &format!("{name}-{revision}"), attack).err());
        }
        for (bytes, status) in [(0, 200), (1 << 20, 200), ((1 << 20) + 1, 404), (4 << 20, 404)] {
            let attack = |host: &Host| {
                let answer = host.app.get(&format!("/{revision}/kv-large?bytes={bytes}"));
                if answer.status == status { Ok(()) } else { Err(format!("{} {}", answer.status, answer.text())) }
            };
            wrong.extend(arena.judge("G6", &format!("value-of-{bytes}-bytes-{revision}"), attack).err());
        }
        for store in ["other", "", "../default", "DEFAULT", "default\0"] {
            let attack = |host: &Host| {
                let answer = host.app.get(&format!("/{revision}/kv?op=get&key=k&store={}", encode(store)));
                if answer.status == 404 && answer.text().contains("access-denied") {
                    Ok(())
                } else {
                    Err(format!("{} {}", answer.status, answer.text()))
                }
            };
            wrong.extend(arena.judge("G6", &format!("store-{}-{revision}", store.escape_default()), attack).err());
        }
    }
    for revision in REVISIONS {
        let attack = |host: &Host| {
            let answer = host.app.get(&format!("/{revision}/kv-list-many?n=11000"));
            // More keys than one listing holds are an error and not half a list.
            if answer.status == 404 { Ok(()) } else { Err(format!("{} {}", answer.status, answer.text())) }
        };
        wrong.extend(arena.judge("G6", &format!("more-keys-than-a-listing-holds-{revision}"), attack).err());
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    arena.close();
}

#[test]
fn the_hosts_environment_is_nobodys() {
    let names = [
        "SECRET",
        "secret_key",
        "Api-Key",
        "apiKey",
        "DB_PASSWORD",
        "GH_TOKEN",
        "AWS_REGION",
        "DATABASE_URL",
        "SSH_AUTH_SOCK",
        "MONKEY",
        "KEYBOARD",
    ];
    let passed = ["MONKEY", "KEYBOARD"];
    let asked = format!("tool.spell.env_passthrough = {names:?}");
    let lines = REVISIONS.map(|revision| component(revision, revision, &asked));
    let mut setup = Setup::new(&app(&lines)).environment("UNASKED", "canary-unasked");
    for name in names {
        setup = setup.environment(name, &format!("canary-{name}"));
    }
    let host = setup.start();
    for revision in REVISIONS {
        let environment = host.app.get(&format!("/{revision}/env")).json();
        let seen: Vec<&str> = environment.as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
        assert_eq!(seen.len(), passed.len(), "{seen:?}");
        assert!(passed.iter().all(|name| environment[*name] == format!("canary-{name}")), "{environment}");
    }
    // Neither what was asked for and refused nor what nobody asked for is anywhere to be read.
    let everything = format!("{}{}{}", host.stderr(), host.stdout(), host.control.get("/metrics").text());
    assert!(!everything.contains("canary-"), "{everything}");
    for (path, bytes) in contents(host.state_dir()) {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        assert!(!text.contains("canary-SECRET") && !text.contains("canary-unasked"), "{path}");
    }
}
