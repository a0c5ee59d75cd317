//! From applied entries to every core of this node, and then to those who asked.

use std::{future::Future, pin::Pin, sync::Arc};

use futures_channel::mpsc::UnboundedReceiver;
use futures_util::StreamExt;

use super::machine::Answer;
use crate::metadata::{Image, RootImage, ShardImage};

/// A newer state of one group, for every core.
#[derive(Clone)]
pub enum Change {
    Root {
        image: Arc<RootImage>,
        /// Who leads the root group, if known.
        controller: Option<i32>,
    },
    Shard {
        shard: u16,
        image: Arc<ShardImage>,
    },
}

impl Change {
    pub fn apply_to(&self, view: &mut Image) {
        match self {
            Change::Root { image, controller } => {
                view.root = image.clone();
                view.controller = *controller;
            }
            Change::Shard { shard, image } => view.set_shard(*shard, image.clone()),
        }
    }
}

/// Ends when every core has made the changes true.
pub type Published = Pin<Box<dyn Future<Output = ()>>>;

/// Hands changes to all cores: sends them before it returns, in the order of the calls.
pub type Publish = Box<dyn Fn(Vec<Change>) -> Published>;

/// Answers in order, each after all that was published before it: whoever is told that a topic exists finds it on
/// every core, also if it was made by somebody else a moment ago.
pub(super) async fn answer_in_order(mut queue: UnboundedReceiver<(Published, Vec<Answer>)>) {
    while let Some((published, answers)) = queue.next().await {
        published.await;
        answers.into_iter().for_each(|answer| answer());
    }
}
