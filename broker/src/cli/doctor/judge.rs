//! What the facts of a host mean for a broker: one function a check, in the order in which a person would go through them. Reasons are
//! those of deploy/HOST.md, in short.

use std::collections::BTreeMap;

use super::{
    collect::cpu_file,
    facts::{Facts, Mount, mount_of},
};
use crate::runtime::host;

/// What becomes of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Good,
    /// It works, and would be faster or calmer.
    Advice,
    /// A broker cannot run, or cannot keep what it promises.
    Bad,
    Unknown,
}

impl Verdict {
    pub const fn name(self) -> &'static str {
        match self {
            Verdict::Good => "good",
            Verdict::Advice => "advice",
            Verdict::Bad => "bad",
            Verdict::Unknown => "unknown",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub check: &'static str,
    pub verdict: Verdict,
    pub found: String,
    /// What to do.
    pub change: Option<String>,
    pub why: &'static str,
}

/// All checks.
pub fn judge(facts: &Facts) -> Vec<Finding> {
    let mount = mount_of(
        facts.get("/proc/self/mountinfo").unwrap_or_default(),
        facts.get("disk/mount").unwrap_or("/"),
    );
    vec![
        kernel(facts),
        io_uring(facts),
        memlock(facts),
        nofile(facts),
        data_directory(facts),
        file_system(mount.as_ref()),
        mount_options(mount.as_ref()),
        direct_io(facts),
        disk_cache(facts),
        scheduler(facts),
        space(facts),
        governor(facts),
        siblings(facts),
        quota(facts),
        interrupts(facts),
        clock(facts),
        huge_pages(facts),
        swap(facts),
        backlog(facts),
    ]
}

/// A check in the making: its name and reason are said once.
struct Check {
    name: &'static str,
    why: &'static str,
}

impl Check {
    fn good(&self, found: impl Into<String>) -> Finding {
        self.finding(Verdict::Good, found.into(), None)
    }

    fn unknown(&self, found: &str) -> Finding {
        self.finding(Verdict::Unknown, found.to_owned(), None)
    }

    fn advice(&self, found: impl Into<String>, change: impl Into<String>) -> Finding {
        self.finding(Verdict::Advice, found.into(), Some(change.into()))
    }

    fn bad(&self, found: impl Into<String>, change: impl Into<String>) -> Finding {
        self.finding(Verdict::Bad, found.into(), Some(change.into()))
    }

    fn finding(&self, verdict: Verdict, found: String, change: Option<String>) -> Finding {
        Finding {
            check: self.name,
            verdict,
            found,
            change,
            why: self.why,
        }
    }
}

fn kernel(facts: &Facts) -> Finding {
    let check = Check {
        name: "kernel",
        why: "multishot receives into provided buffers and the rings' single issuer mode are not in older ones",
    };
    let Some(release) = facts.get("/proc/sys/kernel/osrelease") else {
        return check.unknown("the kernel does not say its release");
    };
    let mut numbers = release.split(['.', '-']).map_while(|word| word.parse::<u32>().ok());
    match (numbers.next(), numbers.next()) {
        (Some(major), Some(minor)) if (major, minor) >= (6, 1) => check.good(format!("Linux {release}")),
        _ => check.bad(format!("Linux {release}"), "run Linux 6.1 or newer"),
    }
}

fn io_uring(facts: &Facts) -> Finding {
    let check = Check {
        name: "io_uring",
        why: "every read, write and flush goes through it; there is no second way",
    };
    match (facts.get("io_uring"), facts.get("/proc/sys/kernel/io_uring_disabled")) {
        (Some("ok"), Some("1")) => check.advice(
            "permitted to this process, and not to users without CAP_SYS_ADMIN",
            "sysctl kernel.io_uring_disabled=0, or set kernel.io_uring_group to the broker's group",
        ),
        (Some("ok"), _) => check.good("permitted, with all that a ring of ours needs"),
        (Some(_), Some("2")) => check.bad("switched off on this host", "sysctl kernel.io_uring_disabled=0"),
        (Some(why), _) => check.bad(
            why.lines().next().unwrap_or_default(),
            "in a container: a seccomp profile that admits io_uring (deploy/container/seccomp.json); on a host: sysctl \
             kernel.io_uring_disabled=0",
        ),
        (None, _) => check.unknown("not tried"),
    }
}

fn memlock(facts: &Facts) -> Finding {
    let check = Check {
        name: "memlock",
        why: "rings count as locked memory; with less than they would like they are smaller, with too little none is made",
    };
    let cores = facts.cores();
    let (least, full) = host::memlock_bytes(cores);
    if facts.is_above_limits() {
        return check.good("this process may go beyond its limits");
    }
    let Some(have) = facts.hard_limit("Max locked memory") else {
        return check.good("unlimited");
    };
    let said = format!("{} KiB may be locked, for {cores} cores", have >> 10);
    let remedy = format!(
        "LimitMEMLOCK={}K in the unit, ulimit -l {}, or docker's --ulimit memlock=-1",
        full >> 10,
        full >> 10
    );
    match have {
        _ if have < least => check.bad(said, remedy),
        _ if have < full => check.advice(said, remedy),
        _ => check.good(said),
    }
}

fn nofile(facts: &Facts) -> Finding {
    let check = Check {
        name: "nofile",
        why: "each connection and each open segment takes one; a quarter of them is kept for files",
    };
    if facts.is_above_limits() {
        return check.good("this process may go beyond its limits");
    }
    match facts.hard_limit("Max open files") {
        None => check.good("unlimited"),
        Some(have) if have >= 65_536 => check.good(format!("{have} descriptors")),
        Some(have) if have >= 1024 => check.advice(format!("{have} descriptors"), "LimitNOFILE=1048576, or ulimit -n"),
        Some(have) => check.bad(format!("{have} descriptors"), "LimitNOFILE=1048576, or ulimit -n"),
    }
}

fn data_directory(facts: &Facts) -> Finding {
    let check = Check {
        name: "data directory",
        why: "a broker makes it at its first start, on the disk below the part of its path that is there",
    };
    match (facts.get("data"), facts.get("data/there")) {
        (Some(data), Some(there)) if data == there => check.good(data),
        (Some(data), Some(there)) => check.unknown(&format!("{data} does not exist yet; looked at {there} instead")),
        _ => check.unknown("not looked at"),
    }
}

fn file_system(mount: Option<&Mount>) -> Finding {
    let check = Check {
        name: "file system",
        why: "an acknowledgement is a flush that reached a disk, and prewritten files are to be overwritten in place",
    };
    let Some(mount) = mount else {
        return check.unknown("it is not known where the data would lie");
    };
    let found = format!("{} at {}", mount.kind, mount.point);
    let change = "put the data on ext4 or XFS on a disk, in containers on a volume";
    match mount.kind.as_str() {
        "ext4" | "xfs" => check.good(found),
        "tmpfs" | "ramfs" | "overlay" | "nfs" | "nfs4" | "cifs" | "smb3" | "9p" | "virtiofs" | "fuse" => {
            check.bad(found, change)
        }
        _ => check.advice(found, change),
    }
}

fn mount_options(mount: Option<&Mount>) -> Finding {
    let check = Check {
        name: "mount options",
        why: "without barriers a power cut takes what was acknowledged; data journals and times of access are writes that nobody needs",
    };
    let Some(mount) = mount else {
        return check.unknown("it is not known where the data would lie");
    };
    let has = |option: &str| mount.options.iter().any(|found| found == option);
    let unsafe_one = ["nobarrier", "barrier=0", "norecovery"]
        .into_iter()
        .find(|option| has(option));
    let slow_one = ["data=journal", "strictatime", "sync", "dirsync"]
        .into_iter()
        .find(|option| has(option));
    match (unsafe_one, slow_one) {
        _ if has("ro") => check.bad("ro", "mount it to be written"),
        (Some(option), _) => check.bad(option, format!("mount {} without {option}", mount.point)),
        (None, Some(option)) => check.advice(option, format!("mount {} without {option}", mount.point)),
        (None, None) => check.good(mount.options.join(",")),
    }
}

fn direct_io(facts: &Facts) -> Finding {
    let check = Check {
        name: "direct I/O",
        why: "nothing of the broker's goes through the page cache",
    };
    match facts.get("direct_io") {
        Some("ok") => check.good("a block was written and flushed"),
        Some(why) if why.contains("os error 13") || why.contains("os error 30") => {
            check.unknown("this user may not write beside the data; ask as the broker's")
        }
        Some(why) => check.bad(why, "put the data on a file system with O_DIRECT, such as ext4 or XFS"),
        None => check.unknown("not tried"),
    }
}

fn disk_cache(facts: &Facts) -> Finding {
    let check = Check {
        name: "disk cache",
        why: "each acknowledgement waits for a flush, which takes as long as the disk's cache needs to become durable",
    };
    let name = facts.get("disk/name").unwrap_or("the disk");
    match (facts.get("disk/write_cache"), facts.get("disk/fua")) {
        (Some("write through"), _) => check.good(format!("{name}: write through, so a flush is free")),
        (Some("write back"), Some("1")) => check.good(format!("{name}: write back, with FUA")),
        (Some("write back"), _) => check.advice(
            format!("{name}: write back, without FUA"),
            "use a disk with power-loss protection where latency counts; never declare this cache write through, that only leaves out \
             the flushes",
        ),
        _ => check.unknown("no disk that says what its cache is"),
    }
}

fn scheduler(facts: &Facts) -> Finding {
    let check = Check {
        name: "I/O scheduler",
        why: "bfq takes CPU for each request and delays writes to be fair to others, of which there are none",
    };
    let name = facts.get("disk/name").unwrap_or("DISK");
    match facts.chosen("disk/scheduler") {
        None => check.unknown("no disk that says its scheduler"),
        Some("bfq") => check.advice(
            "bfq",
            format!("echo none > /sys/block/{name}/queue/scheduler (mq-deadline for disks that turn)"),
        ),
        Some(chosen) => check.good(chosen),
    }
}

fn space(facts: &Facts) -> Finding {
    let check = Check {
        name: "space",
        why: "each core writes its journal in full when it starts; a full disk stops appends",
    };
    const JOURNAL_BYTES: u64 = 256 << 20;
    let need = JOURNAL_BYTES * facts.cores() as u64;
    let Some(free) = facts.number("free_bytes") else {
        return check.unknown("the file system does not say");
    };
    let found = format!("{} MiB free, {} for journals", free >> 20, need >> 20);
    match free {
        _ if free < need => check.bad(found, "make room, or start with a smaller journal.bytes.per.core"),
        _ if free < 4 * need => check.advice(found, "make room for segments, too"),
        _ => check.good(found),
    }
}

fn governor(facts: &Facts) -> Finding {
    let check = Check {
        name: "CPU governor",
        why: "a core sleeps between requests; one that wakes at its lowest clock answers late",
    };
    let governors: Vec<&str> = each_cpu(facts, "cpufreq/scaling_governor").into_values().collect();
    let slow = governors.iter().find(|governor| **governor != "performance");
    match slow {
        _ if governors.is_empty() => check.good("clocks are not ours to change here"),
        None => check.good("performance"),
        Some(slow) => check.advice(*slow, "cpupower frequency-set -g performance"),
    }
}

fn siblings(facts: &Facts) -> Finding {
    let check = Check {
        name: "SMT",
        why: "two cores of a broker on one physical core take each other's time",
    };
    let mut shared: BTreeMap<&str, usize> = BTreeMap::new();
    for siblings in each_cpu(facts, "topology/thread_siblings_list").into_values() {
        *shared.entry(siblings).or_default() += 1;
    }
    let physical = shared.len();
    match facts.cpus().len() {
        _ if physical == 0 => check.unknown("the kernel does not say which CPUs are siblings"),
        cpus if cpus > physical && facts.cores() > physical => check.advice(
            format!("{} cores on {physical} physical ones", facts.cores()),
            format!("start with --cores {physical} and give each a physical core (CPUAffinity=), or switch SMT off"),
        ),
        cpus => check.good(format!("{cpus} CPUs on {physical} physical cores")),
    }
}

fn each_cpu<'a>(facts: &'a Facts, file: &str) -> BTreeMap<usize, &'a str> {
    let found = |cpu: usize| Some((cpu, facts.get(&cpu_file(cpu, file))?));
    facts.cpus().into_iter().filter_map(found).collect()
}

fn quota(facts: &Facts) -> Finding {
    let check = Check {
        name: "CPU quota",
        why: "a quota stops a core for the rest of a period in the middle of its work",
    };
    let Some(text) = facts.get("cpu.max") else {
        return check.good("none");
    };
    let mut words = text.split_whitespace().map(str::parse::<f64>);
    let (Some(Ok(quota)), Some(Ok(period))) = (words.next(), words.next()) else {
        return check.good("none");
    };
    let cpus = quota / period;
    let found = format!("{cpus:.1} CPUs for {} cores", facts.cores());
    if cpus + 0.01 < facts.cores() as f64 {
        let fitting = (cpus as usize).max(1);
        return check.advice(
            found,
            format!("start with --cores {fitting}, or take the quota away and give whole CPUs"),
        );
    }
    check.good(found)
}

fn interrupts(facts: &Facts) -> Finding {
    let check = Check {
        name: "interrupts",
        why: "irqbalance moves interrupts onto cores that are busy",
    };
    let isolated = facts
        .get("/sys/devices/system/cpu/isolated")
        .filter(|cpus| !cpus.is_empty());
    match (facts.get("irqbalance"), isolated) {
        (None, _) => check.good("nothing moves them about"),
        (Some(_), Some(cpus)) => check.good(format!("irqbalance runs, and leaves the isolated CPUs {cpus} alone")),
        (Some(_), None) => check.advice(
            "irqbalance runs",
            "stop it and give interrupts CPUs by /proc/irq/*/smp_affinity_list, or ban the broker's (IRQBALANCE_BANNED_CPULIST)",
        ),
    }
}

fn clock(facts: &Facts) -> Finding {
    let check = Check {
        name: "clock source",
        why: "every request looks at the clock; sources that the kernel alone can read cost a system call each time",
    };
    match facts.get("/sys/devices/system/clocksource/clocksource0/current_clocksource") {
        None => check.unknown("the kernel does not say"),
        Some(good @ ("tsc" | "kvm-clock" | "arch_sys_counter" | "hyperv_clocksource_tsc_page")) => check.good(good),
        Some(other) => {
            let available = facts.get("/sys/devices/system/clocksource/clocksource0/available_clocksource");
            let has_tsc = available.is_some_and(|sources| sources.split(' ').any(|source| source == "tsc"));
            let change = match has_tsc {
                true => "echo tsc > /sys/devices/system/clocksource/clocksource0/current_clocksource",
                false => "boot with tsc=reliable if the CPU's counter is (constant_tsc, nonstop_tsc in /proc/cpuinfo)",
            };
            check.advice(other, change)
        }
    }
}

fn huge_pages(facts: &Facts) -> Finding {
    let check = Check {
        name: "huge pages",
        why: "with always, the kernel joins and splits pages while requests run",
    };
    match facts.chosen("/sys/kernel/mm/transparent_hugepage/enabled") {
        None => check.good("none in this kernel"),
        Some("always") => check.advice("always", "echo madvise > /sys/kernel/mm/transparent_hugepage/enabled"),
        Some(chosen) => check.good(chosen),
    }
}

fn swap(facts: &Facts) -> Finding {
    let check = Check {
        name: "swap",
        why: "a core that waits for a page waits with all of its partitions",
    };
    let areas = facts
        .get("/proc/swaps")
        .map_or(0, |text| text.lines().count().saturating_sub(1));
    match (areas, facts.number("/proc/sys/vm/swappiness")) {
        (0, _) => check.good("none"),
        (_, Some(swappiness @ 0..=1)) => check.good(format!("in use, with swappiness {swappiness}")),
        (_, Some(swappiness)) => check.advice(
            format!("in use, with swappiness {swappiness}"),
            "swapoff -a, sysctl vm.swappiness=1, or MemorySwapMax=0 in the unit",
        ),
        (_, None) => check.advice("in use", "swapoff -a, or MemorySwapMax=0 in the unit"),
    }
}

fn backlog(facts: &Facts) -> Finding {
    let check = Check {
        name: "listen backlog",
        why: "clients that all come back at once wait there",
    };
    match facts.number("/proc/sys/net/core/somaxconn") {
        None => check.unknown("the kernel does not say"),
        Some(have) if have < 1024 => check.advice(have.to_string(), "sysctl net.core.somaxconn=4096"),
        Some(have) => check.good(have.to_string()),
    }
}
