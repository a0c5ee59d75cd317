//! I19: the latest offset that readers are told never goes back, within a leader epoch and, by KIP-207, from one leader to
//! the next.

use super::{super::truth::Truth, Verdict};

#[derive(Debug, Default)]
pub struct WatermarkTold {
    /// By partition: (leader epoch, highest offset told), in order of epochs.
    told: Vec<Vec<(i32, i64)>>,
}

impl WatermarkTold {
    pub fn resize(&mut self, partitions: usize) {
        self.told.resize(partitions, Vec::new());
    }

    pub fn on_told(&mut self, partition: usize, leader_epoch: i32, latest: i64, truth: &Truth) -> Verdict {
        if truth.is_void_for(leader_epoch) {
            return Ok(());
        }
        let told = &mut self.told[partition];
        told.retain(|(epoch, _)| *epoch >= truth.unclean_epoch);
        let before = told
            .iter()
            .filter(|(epoch, _)| *epoch <= leader_epoch)
            .map(|(_, latest)| *latest);
        if let Some(before) = before.max().filter(|before| *before > latest) {
            return Err(format!(
                "partition {partition}: the latest offset was {before}, and is {latest} in epoch {leader_epoch}"
            ));
        }
        match told.iter_mut().find(|(epoch, _)| *epoch == leader_epoch) {
            Some((_, held)) => *held = latest,
            None => told.push((leader_epoch, latest)),
        }
        Ok(())
    }
}
