//! Logs in memory: as a process sees its own, and as its disk holds it.

use super::*;

/// A record: its epoch, and a value that no other has.
pub type Record = (i32, u32);

/// A log as one sees it: by its process, or on its disk.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Records {
    pub start: i64,
    pub items: Vec<Record>,
}

impl Records {
    pub fn end(&self) -> i64 {
        self.start + self.items.len() as i64
    }

    pub fn at(&self, offset: i64) -> Option<Record> {
        let index = usize::try_from(offset - self.start).ok()?;
        self.items.get(index).copied()
    }

    pub fn slice(&self, from: i64, to: i64) -> Vec<Record> {
        (from..to)
            .map(|offset| self.at(offset).expect("within the log"))
            .collect()
    }

    pub fn epochs(&self) -> Epochs {
        let ranges = self.items.iter().map(|(epoch, _)| *epoch).zip(self.start..);
        let mut changes: Vec<(i64, i32)> = Vec::new();
        for (epoch, offset) in ranges {
            if changes.last().is_none_or(|(_, last)| *last != epoch) {
                changes.push((offset, epoch));
            }
        }
        Epochs::recovered(changes, self.end())
    }

    pub fn apply(&mut self, persist: &Persist, records: &[Record]) {
        if let Some(at) = persist.restart_at {
            *self = Records {
                start: at,
                items: Vec::new(),
            };
        }
        if let Some(to) = persist.truncate_to {
            self.items.truncate((to - self.start).max(0) as usize);
        }
        if let Some((from, to)) = persist.append {
            assert_eq!(from, self.end(), "an append leaves no gap");
            assert_eq!(to - from, records.len() as i64);
            self.items.extend_from_slice(records);
        }
        if let Some(start) = persist.log_start {
            self.raise_start(start);
        }
    }

    pub fn raise_start(&mut self, to: i64) {
        let gone = (to - self.start).clamp(0, self.items.len() as i64);
        self.items.drain(..gone as usize);
        self.start += gone;
    }
}

/// What a power loss leaves.
#[derive(Clone, Debug)]
pub struct Disk {
    pub storage_id: Uuid,
    pub records: Records,
    pub floor: i32,
    pub high_watermark: i64,
}
