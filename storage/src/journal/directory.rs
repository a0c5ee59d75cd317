//! The files of one core's journal: made once, prewritten so that no append ever allocates, and read at start.

use bytes::Bytes;

use super::{
    checkpoint::{self, COPIES, Checkpoint, CheckpointHeader},
    frame::{FRAME_VERSION, FrameHeader, Lineage, Link},
    recovery::{Plan, plan, scan_file},
    space::ReplayFrom,
};
use crate::{
    Identity, OpenError,
    disk::{AlignedBuf, BLOCK, Class, Disk, DiskFile, Open, Sync, aligned_zeroed},
    store::StoreOptions,
};

/// One write of prewriting, one read of recovery, in bytes.
const CHUNK: usize = 1 << 20;

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
    if let Some(opened) = open_existing(disk, &directory, lineage, options).await? {
        return Ok(opened);
    }
    create(disk, &directory, lineage, options).await?;
    let opened = open_existing(disk, &directory, lineage, options).await?;
    opened.ok_or_else(|| OpenError::Corrupt {
        path: directory,
        what: "the journal that was just made cannot be read back".to_string(),
    })
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
            // A journal's first checkpoint is the last step of making it; before, no frame was ever written.
            let count = names.iter().filter(|name| name.ends_with(".wal")).count() as u32;
            for slot in 0..count {
                let file = open_file(disk, directory, slot).await?;
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
    let mut files = Vec::new();
    let mut scanned = Vec::new();
    for slot in 0..header.files {
        let file = open_file(disk, directory, slot).await?;
        let bytes = read_whole(&file, directory).await?;
        check_whole(&bytes, slot, &header, lineage.seed).map_err(|what| OpenError::Corrupt {
            path: format!("{directory}/{slot:04}.wal"),
            what,
        })?;
        scanned.extend(scan(&bytes, slot, header.files, lineage.seed, directory)?);
        files.push(file);
        (options.yield_now)().await;
    }
    let plan = plan(scanned, header.replay_from, header.covered_seq, &options.rules);
    let mut checkpoint_files = Vec::new();
    for copy in COPIES {
        let path = format!("{directory}/{copy}");
        let file = disk.open(&path, Open::Existing, Class::Background).await;
        checkpoint_files.push(file.map_err(|error| OpenError::io(&path, error))?);
    }
    Ok(Some(Opened {
        files,
        file_blocks: header.file_blocks,
        checkpoint_files: checkpoint_files.try_into().ok().expect("two copies"),
        newest_copy,
        replay_from: [header.replay_from, older_from],
        checkpoint,
        plan,
        lineage,
    }))
}

/// No crash makes a journal file shorter, nor puts the head of another one into its place: either would look like a journal
/// that just ends earlier, and what it held would be lost without a word.
fn check_whole(bytes: &[u8], slot: u32, header: &CheckpointHeader, seed: u64) -> Result<(), String> {
    let whole = header.file_blocks as usize * BLOCK;
    if bytes.len() < whole {
        return Err(format!(
            "the file was made with {whole} bytes and has {}; restore it",
            bytes.len()
        ));
    }
    match FrameHeader::parse(bytes) {
        Ok(head) if head.seed != seed => Err("the file belongs to the journal of another disk or core".to_string()),
        Ok(head) if head.address.block == 0 && head.address.file_seq % header.files != slot => Err(format!(
            "this is file {:04}.wal of the same journal; put each back into its place",
            head.address.file_seq % header.files
        )),
        _ => Ok(()),
    }
}

fn scan(
    bytes: &[u8],
    slot: u32,
    files: u32,
    seed: u64,
    directory: &str,
) -> Result<Vec<super::recovery::Scanned>, OpenError> {
    scan_file(bytes, slot, files, seed).map_err(|found| OpenError::Newer {
        path: format!("{directory}/{slot:04}.wal"),
        found: u32::from(found),
        known: u32::from(FRAME_VERSION),
    })
}

async fn open_file<D: Disk>(disk: &D, directory: &str, slot: u32) -> Result<D::File, OpenError> {
    let path = format!("{directory}/{slot:04}.wal");
    let file = disk.open(&path, Open::Existing, Class::Journal).await;
    file.map_err(|error| OpenError::io(&path, error))
}

/// A file of the ring; sectors that cannot be read come back as garbage that no checksum accepts.
pub async fn read_whole<F: DiskFile>(file: &F, directory: &str) -> Result<AlignedBuf, OpenError> {
    let size = file.size().await.map_err(|error| OpenError::io(directory, error))? as usize / BLOCK * BLOCK;
    let mut bytes = AlignedBuf::with_capacity(BLOCK, size);
    while bytes.len() < size {
        let at = bytes.len();
        let wanted = (size - at).min(CHUNK);
        let (read, part) = file.read_at(at as u64, aligned_zeroed(wanted)).await;
        if read.is_ok_and(|read| read == wanted) {
            bytes.extend_from_slice(&part);
            continue;
        }
        for sector in 0..wanted / BLOCK {
            let (read, part) = file.read_at((at + sector * BLOCK) as u64, aligned_zeroed(BLOCK)).await;
            match read {
                Ok(BLOCK) => bytes.extend_from_slice(&part),
                _ => bytes.resize(bytes.len() + BLOCK, 0xee),
            }
        }
    }
    Ok(bytes)
}

/// All files prewritten and durable, and only then the checkpoint that makes them a journal. Space is reserved for all
/// of them before the first byte is written, so that a disk that is too small is found out at once.
async fn create<D: Disk>(disk: &D, directory: &str, lineage: Lineage, options: &StoreOptions) -> Result<(), OpenError> {
    let io = |error| OpenError::io(directory, error);
    disk.create_dir(directory).await.map_err(io)?;
    let zeros = Bytes::from_owner(aligned_zeroed(CHUNK));
    let len = u64::from(options.journal_file_bytes);
    let mut files = Vec::new();
    for slot in 0..options.journal_files {
        let file = open_or_new(disk, &format!("{directory}/{slot:04}.wal"))
            .await
            .map_err(io)?;
        if let Err(error) = file.allocate(0, len).await {
            return Err(match error.kind() {
                std::io::ErrorKind::StorageFull => {
                    no_room(disk, directory, len * u64::from(options.journal_files)).await
                }
                _ => io(error),
            });
        }
        files.push(file);
    }
    for file in files {
        let mut at = 0;
        while at < len {
            let part = zeros.slice(..(len - at).min(CHUNK as u64) as usize);
            let written = part.len() as u64;
            file.write_at(at, part, Sync::Later).await.map_err(io)?;
            at += written;
        }
        file.flush().await.map_err(io)?;
        (options.yield_now)().await;
    }
    let mut copies = Vec::new();
    for copy in COPIES {
        let file = open_or_new(disk, &format!("{directory}/{copy}")).await.map_err(io)?;
        checkpoint::reserve(&file, 1).await;
        file.write_at(0, zeros.slice(..BLOCK), Sync::Later).await.map_err(io)?;
        file.flush().await.map_err(io)?;
        copies.push(file);
    }
    disk.sync_dir(directory).await.map_err(io)?;
    let layout = directory.rsplit_once('/').map_or("wal", |(layout, _)| layout);
    for parent in [layout, "wal", ""] {
        disk.sync_dir(parent).await.map_err(io)?;
    }
    let header = CheckpointHeader {
        seed: lineage.seed,
        generation: 1,
        incarnation: lineage.incarnation,
        covered_seq: 0,
        replay_from: ReplayFrom {
            file_seq: 1,
            prev: Link::default(),
        },
        files: options.journal_files,
        file_blocks: options.journal_file_bytes / BLOCK as u32,
    };
    checkpoint::write(&copies[0], &header, &[0; 12]).await.map_err(io)
}

async fn no_room<D: Disk>(disk: &D, directory: &str, journal_bytes: u64) -> OpenError {
    let free = disk
        .free_bytes()
        .await
        .map_or("few".to_string(), |free| (free >> 20).to_string());
    OpenError::Refused(format!(
        "{directory} in {}: the disk has no room for the journal of this core, {} MiB; {free} MiB are free now.\n\
         Make room, start fewer cores, or choose a smaller journal.bytes.per.core",
        disk.location(),
        journal_bytes >> 20
    ))
}

async fn open_or_new<D: Disk>(disk: &D, path: &str) -> std::io::Result<D::File> {
    match disk.open(path, Open::New, Class::Background).await {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            disk.open(path, Open::Existing, Class::Background).await
        }
        other => other,
    }
}
