//! A node: the same function on each of its cores, in a world that is real or simulated.

use std::{net::SocketAddr, rc::Rc, sync::Arc};

use corelane_storage::StoreOptions;

use crate::{
    config,
    core::{CONTROLLER_CORE, Core, Message},
    raft_driver::SnapshotTiming,
    runtime::world::World,
};

/// What a node is told at start; the same for all its cores.
#[derive(Clone)]
pub struct NodeOptions {
    pub config: Arc<config::Broker>,
    pub endpoints: Arc<Endpoints>,
}

/// Where clients find this node.
#[derive(Clone, Debug)]
pub struct Endpoints {
    pub binds: Vec<BindAddress>,
    pub advertised: Endpoint,
}

#[derive(Clone, Copy, Debug)]
pub struct BindAddress {
    pub address: SocketAddr,
    /// If not, a host without this address family is no error.
    pub required: bool,
}

/// What clients are told to connect to.
#[derive(Clone, Debug)]
pub struct Endpoint {
    pub host: String,
    pub port: u16,
}

/// Changes production's sizes and rules; for simulations only.
#[derive(Clone)]
pub struct Tuning {
    pub store: Rc<dyn Fn(&mut StoreOptions)>,
    pub snapshots: SnapshotTiming,
}

/// Runs one core. On the controller's core it returns when the whole node is up; other cores are up by then, too.
///
/// # Errors
/// What an operator must mend before the next start. Every other core's [`Node::wait_closed`] ends then, too.
pub async fn start<W: World<Message = Message>>(
    world: W,
    options: NodeOptions,
    tuning: Option<Tuning>,
) -> Result<Node<W>, String> {
    let node = Node::new(world, options, tuning);
    if node.0.world.core() == CONTROLLER_CORE
        && let Err(reason) = node.boot().await
    {
        node.abandon().await;
        return Err(reason);
    }
    Ok(node)
}

/// A core that runs.
pub struct Node<W: World>(Core<W>);

impl<W: World<Message = Message>> Node<W> {
    /// A core that answers the others, and does nothing of its own accord.
    pub fn new(world: W, options: NodeOptions, tuning: Option<Tuning>) -> Node<W> {
        let core = Core::new(world, options, tuning);
        core.run_mailbox();
        Node(core)
    }

    /// Brings the whole node up; on the controller's core. May be dropped half-way, for [`Node::abandon`]: the directory is
    /// then as after a crash, which every start expects.
    ///
    /// # Errors
    /// What an operator must mend before the next start.
    pub async fn boot(&self) -> Result<(), String> {
        self.0.boot().await
    }

    /// Ends the other cores of a node that did not come up; on the controller's core.
    pub async fn abandon(&self) {
        self.0.abandon_node().await;
    }

    /// Stops the whole node in order; on the controller's core.
    pub async fn stop(&self) {
        self.0.stop_node().await;
    }

    /// Waits until the controller's core has stopped this one.
    pub async fn wait_closed(&self) {
        self.0.wait_closed().await;
    }

    /// For tests and inspection.
    pub fn core(&self) -> &Core<W> {
        &self.0
    }
}
