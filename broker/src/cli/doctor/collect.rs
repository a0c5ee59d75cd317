//! Asks the host. Nothing is judged here, and what cannot be had is left out.

use std::{
    fs,
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use corelane_storage::disk::{BLOCK, aligned_zeroed};

use super::facts::{Facts, mount_of};
use crate::runtime::host;

/// Files that are taken as they are.
const FILES: &[&str] = &[
    "/proc/sys/kernel/osrelease",
    "/proc/sys/kernel/io_uring_disabled",
    "/proc/self/limits",
    "/proc/self/status",
    "/proc/self/mountinfo",
    "/proc/self/cgroup",
    "/proc/swaps",
    "/proc/sys/vm/swappiness",
    "/proc/sys/net/core/somaxconn",
    "/sys/devices/system/clocksource/clocksource0/current_clocksource",
    "/sys/devices/system/clocksource/clocksource0/available_clocksource",
    "/sys/kernel/mm/transparent_hugepage/enabled",
    "/sys/devices/system/cpu/isolated",
    "/sys/devices/system/cpu/smt/control",
];

/// Of each CPU that may be used, below `/sys/devices/system/cpu/cpuN/`.
const CPU_FILES: &[&str] = &["cpufreq/scaling_governor", "topology/thread_siblings_list"];

/// Of the disk, below its `queue`.
const QUEUE_FILES: &[&str] = &["write_cache", "fua", "scheduler", "rotational", "physical_block_size"];

pub fn collect(data: &Path, cores: Option<usize>) -> Facts {
    let mut facts = Facts::default();
    let mut put = |name: &str, text: String| drop(facts.0.insert(name.to_owned(), text));
    let read = |path: &str| fs::read_to_string(path).ok();
    for path in FILES {
        read(path).into_iter().for_each(|text| put(path, text));
    }
    let cpus = host::cpus();
    for path in cpus
        .iter()
        .flat_map(|cpu| CPU_FILES.iter().map(move |file| cpu_file(*cpu, file)))
    {
        read(&path).into_iter().for_each(|text| put(&path, text));
    }
    let cpus: Vec<String> = cpus.iter().map(usize::to_string).collect();
    put("cpus", cpus.join(","));
    cores.into_iter().for_each(|cores| put("cores", cores.to_string()));
    put("io_uring", outcome(host::check_ring()));
    let quota = "/sys/fs/cgroup/cpu.max";
    let own = read("/proc/self/cgroup")
        .and_then(|text| text.lines().find_map(|line| Some(line.strip_prefix("0::")?.to_owned())));
    let own = own.and_then(|path| read(&format!("/sys/fs/cgroup{path}/cpu.max")));
    own.or_else(|| read(quota))
        .into_iter()
        .for_each(|text| put("cpu.max", text));
    if is_running("irqbalance") {
        put("irqbalance", "runs".to_owned());
    }

    let data = std::path::absolute(data).unwrap_or_else(|_| data.to_path_buf());
    let folder = existing(&data);
    put("data", data.display().to_string());
    put("data/there", folder.display().to_string());
    put("direct_io", outcome(try_direct_io(&folder)));
    host::space(&folder)
        .into_iter()
        .for_each(|space| put("free_bytes", space.free_bytes.to_string()));
    let folder = fs::canonicalize(&folder).unwrap_or(folder);
    let mountinfo = read("/proc/self/mountinfo").unwrap_or_default();
    if let Some(mount) = mount_of(&mountinfo, &folder.display().to_string()) {
        put("disk/mount", folder.display().to_string());
        let device = PathBuf::from(format!("/sys/dev/block/{}", mount.device));
        let device = fs::canonicalize(&device).unwrap_or(device);
        // A partition has no queue of its own.
        let disk = match device.join("queue").is_dir() {
            true => Some(device.as_path()),
            false => device.parent().filter(|disk| disk.join("queue").is_dir()),
        };
        if let Some(disk) = disk {
            let name = disk.file_name().unwrap_or_default().to_string_lossy();
            put("disk/name", name.into_owned());
            for file in QUEUE_FILES {
                let text = fs::read_to_string(disk.join("queue").join(file));
                text.into_iter().for_each(|text| put(&format!("disk/{file}"), text));
            }
        }
    }
    facts
}

pub(super) fn cpu_file(cpu: usize, file: &str) -> String {
    format!("/sys/devices/system/cpu/cpu{cpu}/{file}")
}

fn outcome<E: std::fmt::Display>(result: Result<(), E>) -> String {
    result.map_or_else(|error| error.to_string(), |()| "ok".to_owned())
}

/// The directory itself, or what is there of its path.
fn existing(path: &Path) -> PathBuf {
    let found = path.ancestors().find(|path| path.is_dir());
    found.unwrap_or(Path::new("/")).to_path_buf()
}

/// One block, written as the journal is, into a file that is gone after.
fn try_direct_io(folder: &Path) -> io::Result<()> {
    let path = folder.join(format!(".corelane-doctor-{}", std::process::id()));
    let file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .custom_flags(libc::O_DIRECT)
        .open(&path);
    let written = file.and_then(|mut file| {
        file.write_all(&aligned_zeroed(BLOCK))?;
        file.sync_data()
    });
    let _ = fs::remove_file(&path);
    written
}

fn is_running(name: &str) -> bool {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let mut names = processes.filter_map(|process| fs::read_to_string(process.path().join("comm")).ok());
    names.any(|found| found.trim() == name)
}
