//! A node: the same function on each of its cores, in a world that is real or simulated.

use std::{net::SocketAddr, rc::Rc, sync::Arc};

use corelane_storage::StoreOptions;

use crate::{
    config,
    core::{CONTROLLER_CORE, Core, Message},
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
pub type TuneStore = Rc<dyn Fn(&mut StoreOptions)>;

/// Runs one core. On the controller's core it returns when the whole node is up; other cores are up by then, too.
///
/// # Errors
/// What an operator must mend before the next start.
pub async fn start<W: World<Message = Message>>(
    world: W,
    options: NodeOptions,
    tune_store: Option<TuneStore>,
) -> Result<Node<W>, String> {
    let core = Core::new(world, options, tune_store);
    core.run_mailbox();
    if core.world.core() == CONTROLLER_CORE {
        core.boot().await?;
    }
    Ok(Node(core))
}

/// A core that runs.
pub struct Node<W: World>(Core<W>);

impl<W: World<Message = Message>> Node<W> {
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
