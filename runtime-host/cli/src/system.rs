//! What the kernel lets one process have, against what the host may come to need. Running out in the middle of the day is found hard to
//! explain; a line at the start is not.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use spell_manifest::{Setting, Settings};

/// Takes as many descriptors as the process may have, and tells what would still be short.
pub(crate) fn prepare(settings: &Settings) {
    let limit = getrlimit(Resource::Nofile);
    if setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }).is_err() {
        tracing::warn!("the limit of open files could not be raised");
    }
    let maps_max = std::fs::read_to_string(MAX_MAP_COUNT).ok().and_then(|text| text.trim().parse().ok());
    for warning in shortages(settings, limit.maximum, maps_max) {
        eprintln!("warning: {warning}");
    }
}

const MAX_MAP_COUNT: &str = "/proc/sys/vm/max_map_count";
/// Databases, listeners, event loops, the terminal.
const DESCRIPTORS_BASE: u64 = 64;
/// The program, its heap and its threads.
const MAPS_BASE: u64 = 1_000;
/// Each place has a stack with its guard in both flavours of the engine, and memories while something runs in it.
const MAPS_PER_PLACE: u64 = 10;
/// What the file of compiled code is mapped as: read, run, written once.
const MAPS_PER_COMPONENT: u64 = 3;

/// What there may come to be too little of; `None` is a limit that nobody knows of.
fn shortages(settings: &Settings, descriptors_max: Option<u64>, maps_max: Option<u64>) -> Vec<String> {
    let (connections, loaded) = (settings.get(Setting::Connections), settings.get(Setting::Loaded));
    let concurrency = settings.get(Setting::Concurrency);
    let descriptors = connections + loaded + DESCRIPTORS_BASE;
    let maps = concurrency * MAPS_PER_PLACE + loaded * MAPS_PER_COMPONENT + MAPS_BASE;
    let mut shortages = Vec::new();
    if let Some(max) = descriptors_max.filter(|max| *max < descriptors) {
        shortages.push(format!(
            "host.connections = {connections} and host.loaded = {loaded} may come to need {descriptors} open files, and the system \
             allows {max}: raise `ulimit -n`, or lower one of them"
        ));
    }
    if let Some(max) = maps_max.filter(|max| *max < maps) {
        shortages.push(format!(
            "host.concurrency = {concurrency} and host.loaded = {loaded} may come to need {maps} memory mappings, and the system allows \
             {max}: raise `sysctl vm.max_map_count`, or lower one of them"
        ));
    }
    shortages
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_short_is_told_with_its_numbers_and_what_to_do() {
        let mut settings = Settings::default();
        assert_eq!(shortages(&settings, Some(11_064), Some(14_000)), Vec::<String>::new());
        assert_eq!(shortages(&settings, None, None), Vec::<String>::new());
        settings.set(Setting::Loaded, 100_000);
        let shortages = shortages(&settings, Some(20_000), Some(65_530));
        assert_eq!(
            shortages,
            [
                "host.connections = 10000 and host.loaded = 100000 may come to need 110064 open files, and the system allows 20000: raise \
                 `ulimit -n`, or lower one of them",
                "host.concurrency = 1000 and host.loaded = 100000 may come to need 311000 memory mappings, and the system allows 65530: \
                 raise `sysctl vm.max_map_count`, or lower one of them",
            ]
        );
    }
}
