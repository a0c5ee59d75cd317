//! I21: a replica never removes what is below its own high watermark, unless records were given up by an unclean election.

use super::{super::truth::Truth, Verdict};

#[derive(Debug)]
pub struct NoCleanTruncation;

impl NoCleanTruncation {
    pub fn on_truncate(&self, partition: usize, to: i64, high_watermark: i64, truth: &Truth) -> Verdict {
        let unclean = truth.unclean_epoch >= 0;
        if to < high_watermark && !unclean {
            return Err(format!(
                "partition {partition}: truncated to {to}, below the high watermark {high_watermark}"
            ));
        }
        Ok(())
    }
}
