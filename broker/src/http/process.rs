//! What the system tells of this process and of its cores' threads, from `/proc`.

use std::{
    fs,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use crate::metrics::{CoreTimes, ProcessSnapshot};

/// Clock ticks a second in `/proc`: what the kernel shows to programs, on every architecture that we run on.
const TICKS_PER_SECOND: f64 = 100.0;

/// What cannot be read shows as 0.
pub fn process() -> ProcessSnapshot {
    let stat = Stat::read("/proc/self/stat").unwrap_or_default();
    ProcessSnapshot {
        cpu: Duration::from_secs_f64((stat.number(13) + stat.number(14)) / TICKS_PER_SECOND),
        resident_bytes: status_kib("VmRSS:") * 1024,
        virtual_bytes: stat.number(22) as u64,
        open_fds: fs::read_dir("/proc/self/fd").map_or(0, |fds| fds.count() as u64),
        max_fds: max_fds(),
        start_time_seconds: boot_time() + stat.number(21) / TICKS_PER_SECOND,
    }
}

/// Of the threads of cores, by their names (`corelane-N`); `turns` is theirs to say. None: the kernel does not tell.
///
/// A thread that a core's thread starts inherits its name, and has a later number.
pub fn core_times(cores: usize) -> Vec<Option<CoreTimes>> {
    let mut times = vec![None; cores];
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let boot = boot_time();
    let tasks = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let mut numbers: Vec<u32> = tasks
        .filter_map(|task| task.file_name().to_str()?.parse().ok())
        .collect();
    numbers.sort_unstable();
    for number in numbers {
        let folder = format!("/proc/self/task/{number}");
        let name = fs::read_to_string(format!("{folder}/comm")).unwrap_or_default();
        let core = name
            .trim()
            .strip_prefix("corelane-")
            .and_then(|core| core.parse::<usize>().ok());
        let Some(place) = core
            .and_then(|core| times.get_mut(core))
            .filter(|place| place.is_none())
        else {
            continue;
        };
        let Some((busy, stalled)) = schedstat(&format!("{folder}/schedstat")) else {
            continue;
        };
        let started = Stat::read(&format!("{folder}/stat")).unwrap_or_default().number(21) / TICKS_PER_SECOND;
        let lived = now.saturating_sub(Duration::from_secs_f64((boot + started).max(0.0)));
        *place = Some(CoreTimes {
            busy,
            stalled,
            idle: lived.saturating_sub(busy + stalled),
            turns: 0,
        });
    }
    times
}

/// Time on a CPU, and time ready to run without one.
fn schedstat(path: &str) -> Option<(Duration, Duration)> {
    let text = fs::read_to_string(path).ok()?;
    let mut numbers = text.split_whitespace().map_while(|word| word.parse().ok());
    let (busy, stalled) = (numbers.next()?, numbers.next()?);
    Some((Duration::from_nanos(busy), Duration::from_nanos(stalled)))
}

/// The words of a `stat` file by their place in proc(5), less one.
#[derive(Default)]
struct Stat(Vec<String>);

impl Stat {
    fn read(path: &str) -> Option<Stat> {
        let text = fs::read_to_string(path).ok()?;
        // The second word is a name in brackets, which may have blanks and brackets itself.
        let (_, rest) = text.rsplit_once(')')?;
        let mut words = vec![String::new(), String::new()];
        words.extend(rest.split_whitespace().map(str::to_owned));
        Some(Stat(words))
    }

    fn number(&self, place: usize) -> f64 {
        self.0.get(place).and_then(|word| word.parse().ok()).unwrap_or(0.0)
    }
}

fn status_kib(name: &str) -> u64 {
    let text = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let word = line.and_then(|line| line.split_whitespace().next());
    word.and_then(|word| word.parse().ok()).unwrap_or(0)
}

fn max_fds() -> u64 {
    let text = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("Max open files"));
    let word = line.and_then(|line| line.split_whitespace().next());
    word.and_then(|word| word.parse().ok()).unwrap_or(0)
}

/// When the machine started, in seconds since 1970.
fn boot_time() -> f64 {
    let text = fs::read_to_string("/proc/stat").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("btime "));
    line.and_then(|seconds| seconds.trim().parse().ok()).unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: the system's words are where this file looks for them.
    #[test]
    fn this_process_is_described() {
        let process = process();
        assert!(process.resident_bytes > 1 << 20 && process.virtual_bytes >= process.resident_bytes);
        assert!(process.open_fds >= 3 && process.max_fds >= process.open_fds);
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .expect("after 1970")
            .as_secs_f64();
        let age = now - process.start_time_seconds;
        assert!((-2.0..36_000.0).contains(&age), "started {age} s ago");
    }
}
