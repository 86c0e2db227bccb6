//! docs/quickstart.md as its reader takes it: compiled, uploaded and cast with the very lines that stand on the page.
//!
//! It knows what the page serves. It must never know what is answered.

use spell_tests::page::{Block, Tools, examples, is_like};
use spell_tests::{Platform, workspace};
use std::fs;

/// Where the page says that the platform is.
const ADDRESS: &str = "http://127.0.0.1:3001";
const SERVE: &str = "spell serve";

#[test]
fn the_page_leads_from_nothing_to_a_paid_cast() {
    let page = fs::read_to_string(workspace().join("docs/quickstart.md")).expect("docs/quickstart.md");
    let directory = tempfile::tempdir().expect("directory");
    let tools = Tools::new(directory.path());
    let mut platform = None;
    let mut commands_run = 0;
    for block in examples(&page).iter().flat_map(|example| &example.blocks) {
        match block {
            Block::File(name, content) => fs::write(directory.path().join(name), content).expect("write"),
            Block::Shell(lines) if lines == SERVE => platform = Some(Platform::start(&directory)),
            Block::Shell(lines) => {
                let (output, is_well) = tools.run(lines, directory.path());
                assert!(is_well, "{lines}\n{output}");
            }
            Block::Console(commands) => {
                let platform = platform.as_ref().expect("it is served before it is asked");
                let address = format!("http://{}", platform.client.address);
                let said = format!("export SPELL_KEY={} SPELL_SERVER={address}\n", platform.key);
                for (command, expected) in commands {
                    let (output, _) = tools.run(&format!("{said}{}", command.replace(ADDRESS, &address)), directory.path());
                    assert!(is_like(&output, expected), "{command}\nprinted: {output}\nand not: {expected}");
                    commands_run += 1;
                }
            }
        }
    }
    assert!(commands_run > 3, "{commands_run} commands");
}
