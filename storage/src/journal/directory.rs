//! The files of one core's journal: where they are, and how they are read at start.
//!
//! Only files that may hold frames to be replayed are read whole: from the one where the replay starts to the one after
//! the newest. Of the others the head says that they are of an earlier lap, or blank.

use futures_util::{StreamExt, stream};

use super::{
    checkpoint::{self, COPIES, Checkpoint, CheckpointHeader},
    frame::{FRAME_VERSION, FrameError, FrameHeader, Lineage},
    prewrite::{self, Ring},
    recovery::{Plan, Scanned, plan, scan_file},
    space::ReplayFrom,
};
use crate::{
    Identity, OpenError,
    disk::{AlignedBuf, BLOCK, Class, Disk, DiskFile, Open, aligned_zeroed},
    store::StoreOptions,
};

/// One read of recovery, in bytes, and how many are under way.
const READ_BYTES: usize = 1 << 20;
const READS: usize = 4;
/// The first bytes of a file, with all of the header of most frames.
const HEAD_BYTES: usize = 4 * BLOCK;

/// `wal/of-008/core-003`: the journals of one number of cores are together, so that those of another number can be made
/// beside them.
pub fn path(core: u32, cores: u32) -> String {
    format!("{}/core-{core:03}", layout(cores))
}

fn layout(cores: u32) -> String {
    format!("wal/of-{cores:03}")
}

/// The numbers of cores for which there are journals.
pub async fn layouts<D: Disk>(disk: &D) -> Result<Vec<u32>, OpenError> {
    let names = match disk.list("wal").await {
        Ok(names) => names,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(OpenError::io("wal", error)),
    };
    Ok(names
        .iter()
        .filter_map(|name| name.strip_prefix("of-")?.parse().ok())
        .collect())
}

/// Removes journals that do not count.
pub async fn remove_layout<D: Disk>(disk: &D, cores: u32) -> Result<(), OpenError> {
    let layout = layout(cores);
    let io = |error| OpenError::io(&layout, error);
    for core in disk.list(&layout).await.map_err(io)? {
        let directory = format!("{layout}/{core}");
        for file in disk.list(&directory).await.map_err(io)? {
            disk.remove(&format!("{directory}/{file}")).await.map_err(io)?;
        }
        disk.sync_dir(&directory).await.map_err(io)?;
        disk.remove(&directory).await.map_err(io)?;
    }
    disk.sync_dir(&layout).await.map_err(io)?;
    disk.remove(&layout).await.map_err(io)?;
    disk.sync_dir("wal").await.map_err(io)
}

/// What every frame and checkpoint of this journal is marked with: a frame of another disk or core never counts.
pub fn lineage(identity: &Identity, core: u32) -> Lineage {
    let mut key = identity.disk_uuid.as_bytes().to_vec();
    key.extend_from_slice(path(core, identity.journal_cores).as_bytes());
    Lineage {
        seed: xxhash_rust::xxh64::xxh64(&key, 0),
        incarnation: identity.incarnation,
    }
}

/// An open journal, before anything is replayed.
pub struct Opened<F> {
    pub files: Vec<F>,
    /// How many of them are prewritten, in the order of their first use.
    pub prewritten: u32,
    pub file_blocks: u32,
    pub checkpoint_files: [F; 2],
    /// Index of the copy that `checkpoint` came from.
    pub newest_copy: usize,
    pub checkpoint: Checkpoint,
    /// What the newer and the older checkpoint need.
    pub replay_from: [ReplayFrom; 2],
    pub plan: Plan,
    pub lineage: Lineage,
}

/// Opens the journal, and makes it first if there is none.
pub async fn open<D: Disk>(
    disk: &D,
    identity: &Identity,
    core: u32,
    options: &StoreOptions,
) -> Result<Opened<D::File>, OpenError> {
    let lineage = lineage(identity, core);
    let directory = path(core, identity.journal_cores);
    let existing = open_existing(disk, &directory, lineage, options).await?;
    let mut opened = match existing {
        Some(opened) => opened,
        None => {
            prewrite::create(disk, &directory, lineage, options).await?;
            let made = open_existing(disk, &directory, lineage, options).await?;
            made.ok_or_else(|| OpenError::Corrupt {
                path: directory.clone(),
                what: "the journal that was just made cannot be read back".to_string(),
            })?
        }
    };
    let count = opened.files.len() as u32;
    let ahead = opened.newest_file_seq().saturating_add(options.journal_files_ahead);
    while opened.prewritten < ahead.min(count) {
        let slot = (opened.prewritten + 1) % count;
        let file_bytes = u64::from(opened.file_blocks) * BLOCK as u64;
        prewrite::write(disk, &directory, slot, file_bytes)
            .await
            .map_err(|error| OpenError::io(&directory, error))?;
        opened.prewritten += 1;
        (options.yield_now)().await;
    }
    Ok(opened)
}

impl<F> Opened<F> {
    /// The file of the last frame that counts, or the one before the first to be written.
    pub fn newest_file_seq(&self) -> u32 {
        let last = self.plan.frames.last().map(|frame| frame.header.address.file_seq);
        last.unwrap_or(self.checkpoint.header.replay_from.file_seq - 1)
    }
}

/// None: there is no journal, or its creation was cut short.
async fn open_existing<D: Disk>(
    disk: &D,
    directory: &str,
    lineage: Lineage,
    options: &StoreOptions,
) -> Result<Option<Opened<D::File>>, OpenError> {
    let names = match disk.list(directory).await {
        Ok(names) => names,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(OpenError::io(directory, error)),
    };
    let copies = [
        checkpoint::read(disk, &format!("{directory}/{}", COPIES[0]), lineage.seed).await?,
        checkpoint::read(disk, &format!("{directory}/{}", COPIES[1]), lineage.seed).await?,
    ];
    let older = [&copies[0], &copies[1]].map(|copy| copy.as_ref().map(|copy| copy.header));
    let newest_copy = match older {
        [Some(a), Some(b)] => usize::from(b.generation > a.generation),
        [Some(_), None] => 0,
        [None, Some(_)] => 1,
        [None, None] => {
            // No frame is written before there is a checkpoint.
            let count = names.iter().filter(|name| name.ends_with(".wal")).count() as u32;
            for slot in (0..count).filter(|slot| names.contains(&prewrite::name(*slot))) {
                let file = prewrite::open(disk, &format!("{directory}/{}", prewrite::name(slot))).await?;
                let bytes = read_whole(&file, directory).await?;
                if !scan(&bytes, slot, count, lineage.seed, directory)?.is_empty() {
                    return Err(OpenError::Corrupt {
                        path: directory.to_string(),
                        what: "the journal has records but no valid checkpoint to read them from".to_string(),
                    });
                }
            }
            return Ok(None);
        }
    };
    let [a, b] = copies;
    let checkpoint = [a, b]
        .into_iter()
        .nth(newest_copy)
        .flatten()
        .expect("chosen because it is there");
    let header = checkpoint.header;
    let older_from = older[1 - newest_copy].map_or(header.replay_from, |older| older.replay_from);
    let ring = prewrite::ring(disk, directory, &names, &header).await?;
    let scanned = scan_ring(directory, &ring, &header, lineage.seed, options).await?;
    let plan = plan(scanned, header.replay_from, header.covered_seq, &options.rules);
    let mut checkpoint_files = Vec::new();
    for copy in COPIES {
        let path = format!("{directory}/{copy}");
        let file = disk.open(&path, Open::Existing, Class::Background).await;
        checkpoint_files.push(file.map_err(|error| OpenError::io(&path, error))?);
    }
    Ok(Some(Opened {
        files: ring.files,
        prewritten: ring.prewritten,
        file_blocks: header.file_blocks,
        checkpoint_files: checkpoint_files.try_into().ok().expect("two copies"),
        newest_copy,
        replay_from: [header.replay_from, older_from],
        checkpoint,
        plan,
        lineage,
    }))
}

/// All frames that may have to be replayed, and all that tell of them.
///
/// Files are started in order, each with a frame that is alone until it is durable. So what is beyond the file after the
/// newest is of an earlier lap; and should the newest one's head be lost, its other frames say so: then the next one is
/// looked at, too.
async fn scan_ring<F: DiskFile>(
    directory: &str,
    ring: &Ring<F>,
    header: &CheckpointHeader,
    seed: u64,
    options: &StoreOptions,
) -> Result<Vec<Scanned>, OpenError> {
    let from = header.replay_from.file_seq;
    let mut newest = from - 1;
    let mut to_scan = vec![false; ring.files.len()];
    for slot in (0..header.files).filter(|slot| ring.is_prewritten(*slot)) {
        let file = &ring.files[slot as usize];
        let size = file.size().await.map_err(|error| OpenError::io(directory, error))?;
        let (read, bytes) = file.read_at(0, aligned_zeroed(HEAD_BYTES)).await;
        let head = &bytes[..read.unwrap_or(0)];
        let corrupt = |what| OpenError::Corrupt {
            path: format!("{directory}/{}", prewrite::name(slot)),
            what,
        };
        match check_whole(head, size, slot, header, seed).map_err(corrupt)? {
            Head::Of(file_seq) => newest = newest.max(file_seq),
            Head::Blank => {}
            Head::Unknown => to_scan[slot as usize] = true,
        }
    }
    let mut scanned = Vec::new();
    let mut file_seq = from;
    while file_seq <= newest + 1 && file_seq < from + header.files {
        let slot = file_seq % header.files;
        if ring.is_prewritten(slot) {
            to_scan[slot as usize] = false;
            scanned.extend(scan_slot(directory, ring, slot, seed, options).await?);
            let found = scanned.iter().map(|frame: &Scanned| frame.header.address.file_seq);
            newest = newest.max(found.max().unwrap_or(0));
        }
        file_seq += 1;
    }
    for slot in (0..header.files).filter(|slot| to_scan[*slot as usize]) {
        scanned.extend(scan_slot(directory, ring, slot, seed, options).await?);
    }
    Ok(scanned)
}

async fn scan_slot<F: DiskFile>(
    directory: &str,
    ring: &Ring<F>,
    slot: u32,
    seed: u64,
    options: &StoreOptions,
) -> Result<Vec<Scanned>, OpenError> {
    let bytes = read_whole(&ring.files[slot as usize], directory).await?;
    let found = scan(&bytes, slot, ring.files.len() as u32, seed, directory)?;
    (options.yield_now)().await;
    Ok(found)
}

/// What the beginning of a file says.
enum Head {
    /// It was started as this file.
    Of(u32),
    /// Nothing was ever written there.
    Blank,
    Unknown,
}

/// No crash makes a journal file shorter, nor puts the head of another one into its place: either would look like a journal
/// that just ends earlier, and what it held would be lost without a word.
fn check_whole(head: &[u8], size: u64, slot: u32, header: &CheckpointHeader, seed: u64) -> Result<Head, String> {
    let whole = u64::from(header.file_blocks) * BLOCK as u64;
    if size < whole {
        return Err(format!(
            "the file was made with {whole} bytes and has {size}; restore it"
        ));
    }
    match FrameHeader::parse(head) {
        Ok(head) if head.seed != seed => Err("the file belongs to the journal of another disk or core".to_string()),
        Ok(head) if head.address.block == 0 && head.address.file_seq % header.files != slot => Err(format!(
            "this is file {} of the same journal; put each back into its place",
            prewrite::name(head.address.file_seq % header.files)
        )),
        Ok(head) if head.address.block == 0 => Ok(Head::Of(head.address.file_seq)),
        Err(FrameError::NotAFrame) if !head.is_empty() && head.iter().all(|byte| *byte == 0) => Ok(Head::Blank),
        _ => Ok(Head::Unknown),
    }
}

fn scan(bytes: &[u8], slot: u32, files: u32, seed: u64, directory: &str) -> Result<Vec<Scanned>, OpenError> {
    scan_file(bytes, slot, files, seed).map_err(|found| OpenError::Newer {
        path: format!("{directory}/{}", prewrite::name(slot)),
        found: u32::from(found),
        known: u32::from(FRAME_VERSION),
    })
}

/// A file of the ring; sectors that cannot be read come back as garbage that no checksum accepts.
pub async fn read_whole<F: DiskFile>(file: &F, directory: &str) -> Result<AlignedBuf, OpenError> {
    let size = file.size().await.map_err(|error| OpenError::io(directory, error))? as usize / BLOCK * BLOCK;
    let mut bytes = AlignedBuf::with_capacity(BLOCK, size);
    let reads = (0..size).step_by(READ_BYTES);
    let mut parts = stream::iter(reads.map(|at| read_part(file, at, (size - at).min(READ_BYTES)))).buffered(READS);
    while let Some(part) = parts.next().await {
        bytes.extend_from_slice(&part);
    }
    drop(parts);
    Ok(bytes)
}

async fn read_part<F: DiskFile>(file: &F, at: usize, len: usize) -> AlignedBuf {
    let (read, mut part) = file.read_at(at as u64, aligned_zeroed(len)).await;
    if read.is_ok_and(|read| read == len) {
        return part;
    }
    for sector in 0..len / BLOCK {
        let (read, bytes) = file.read_at((at + sector * BLOCK) as u64, aligned_zeroed(BLOCK)).await;
        let into = &mut part[sector * BLOCK..(sector + 1) * BLOCK];
        match read {
            Ok(BLOCK) => into.copy_from_slice(&bytes),
            _ => into.fill(0xee),
        }
    }
    part
}
