//! What machine a result is of.

use std::{collections::BTreeMap, fs};

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    pub cpu: String,
    pub cpus: usize,
    pub memory_bytes: u64,
    pub kernel: String,
    pub clock_source: String,
    pub cpu_governor: String,
    /// Load average of the last minute when the run began: above the idle 0, something else was running.
    pub load_average: f64,
    /// Disks, with what matters for a flush: the kernel's `queue/write_cache`, `queue/fua`, `queue/scheduler`.
    pub disks: BTreeMap<String, String>,
}

impl Machine {
    pub fn look() -> Machine {
        let cpu_info = read("/proc/cpuinfo");
        let models: Vec<&str> = cpu_info
            .lines()
            .filter_map(|line| line.strip_prefix("model name"))
            .collect();
        let memory = read("/proc/meminfo");
        let memory = memory.lines().find_map(|line| line.strip_prefix("MemTotal:"));
        let kib = memory.and_then(|text| text.trim().trim_end_matches("kB").trim().parse::<u64>().ok());
        Machine {
            cpu: models.first().map_or_else(String::new, |model| {
                model.trim_start_matches([' ', '\t', ':']).to_owned()
            }),
            cpus: std::thread::available_parallelism()
                .map_or(0, usize::from)
                .max(models.len()),
            memory_bytes: kib.unwrap_or_default() << 10,
            kernel: read("/proc/sys/kernel/osrelease"),
            clock_source: read("/sys/devices/system/clocksource/clocksource0/current_clocksource"),
            cpu_governor: read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
            load_average: read("/proc/loadavg")
                .split(' ')
                .next()
                .and_then(|text| text.parse().ok())
                .unwrap_or_default(),
            disks: disks(),
        }
    }

    /// One line for people.
    pub fn describe(&self) -> String {
        let governor = if self.cpu_governor.is_empty() {
            "not shown"
        } else {
            &self.cpu_governor
        };
        format!(
            "{} × {}, {:.0} GiB, Linux {}, clock {}, governor {governor}, load {:.1} at the start",
            self.cpus,
            self.cpu,
            self.memory_bytes as f64 / f64::from(1 << 30),
            self.kernel,
            self.clock_source,
            self.load_average,
        )
    }
}

/// Without its last newline; empty where there is no such file.
fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default().trim_end().to_owned()
}

fn disks() -> BTreeMap<String, String> {
    let entries = fs::read_dir("/sys/block").into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let real = names.filter(|name| !["loop", "ram", "zram"].iter().any(|kind| name.starts_with(kind)));
    real.map(|name| {
        let queue = |file| read(&format!("/sys/block/{name}/queue/{file}"));
        let facts = format!(
            "write_cache={}, fua={}, scheduler={}",
            queue("write_cache"),
            queue("fua"),
            queue("scheduler")
        );
        (name, facts)
    })
    .collect()
}
