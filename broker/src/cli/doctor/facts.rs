//! What is known of a host: texts under names, most of them files of /proc and /sys as they stand. So a host can be written down, and
//! a test is one.

use std::collections::BTreeMap;

/// See the module. Names that are no paths: `data` (the directory), `data/there` (itself, or what is there of its path), `cpus`
/// (those that may be used, by number), `cores` (wanted), `io_uring` (`ok`, or why not), `direct_io` (likewise), `free_bytes`,
/// `irqbalance` (there if it runs), and `disk/…` (what `/sys/block/…/queue` says of the disk below the data).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts(pub BTreeMap<String, String>);

impl Facts {
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|text| text.trim())
    }

    pub fn number(&self, name: &str) -> Option<u64> {
        self.get(name)?.parse().ok()
    }

    /// Of a line of words, the one in brackets: the choice among what there is.
    pub fn chosen(&self, name: &str) -> Option<&str> {
        let text = self.get(name)?;
        match text.split_once('[').and_then(|(_, rest)| rest.split_once(']')) {
            Some((chosen, _)) => Some(chosen),
            None => Some(text),
        }
    }

    pub fn cpus(&self) -> Vec<usize> {
        let words = self.get("cpus").unwrap_or_default().split(',');
        words.filter_map(|word| word.parse().ok()).collect()
    }

    /// Cores that a broker would have.
    pub fn cores(&self) -> usize {
        let wanted = self.number("cores").map(|cores| cores as usize);
        wanted.unwrap_or_else(|| self.cpus().len()).max(1)
    }

    /// The hard limit of this name in `/proc/self/limits`; None: unlimited, or not known.
    pub fn hard_limit(&self, name: &str) -> Option<u64> {
        let limits = self.get("/proc/self/limits")?;
        let line = limits.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().nth(1)?.parse().ok()
    }

    /// Whether the process may go beyond its hard limits (CAP_SYS_RESOURCE).
    pub fn is_above_limits(&self) -> bool {
        const CAP_SYS_RESOURCE: u64 = 1 << 24;
        let status = self.get("/proc/self/status").unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
        let mask = line.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
        mask.is_some_and(|mask| mask & CAP_SYS_RESOURCE != 0)
    }
}

/// One line of `/proc/self/mountinfo`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    pub point: String,
    /// `major:minor`
    pub device: String,
    pub kind: String,
    /// Of the mount and of the file system.
    pub options: Vec<String>,
}

/// Where a path is mounted; the last of those that fit best, as it hides the others.
pub fn mount_of(mountinfo: &str, path: &str) -> Option<Mount> {
    let mounts = mountinfo.lines().filter_map(|line| {
        let (mount, file_system) = line.split_once(" - ")?;
        let mount: Vec<&str> = mount.split(' ').collect();
        let file_system: Vec<&str> = file_system.split(' ').collect();
        let options = format!("{},{}", mount.get(5)?, file_system.get(2)?);
        Some(Mount {
            // Blanks are written as in octal.
            point: mount.get(4)?.replace("\\040", " "),
            device: (*mount.get(2)?).to_owned(),
            kind: (*file_system.first()?).to_owned(),
            options: options.split(',').map(str::to_owned).collect(),
        })
    });
    let is_above = |mount: &Mount| {
        let rest = path.strip_prefix(mount.point.trim_end_matches('/'));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    mounts.filter(is_above).max_by_key(|mount| mount.point.len())
}
