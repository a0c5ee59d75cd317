//! How a node starts and stops: data directory, stores, controller, image, listeners — and the way back.
//!
//! ```text
//! core 0: format or open ─> every core: Open (recover the journal) ─> controller registers, fences, re-grants, unfences
//!         ─> every core: Publish (open and lead) ─> every core: Listen ─> ready
//! ```

use std::{future::Future, rc::Rc, time::Duration};

use corelane_storage::{FormatWish, Identity, LogSpec, Store, StoreOptions, open_data_dir, rehome};
use futures_util::future::join_all;
use uuid::Uuid;

use super::{
    CONTROLLER_CORE, Core, Message, commit,
    message::{AbandonCall, Call, DrainCall, ListenCall, OpenCall, PublishCall, RegisteredCall, StopCall},
};
use crate::{
    group,
    limits::STOP_WAIT_MS_MAX,
    metadata::{
        decide::{Registration, TableRules},
        placement::{self, SHARDS_DEFAULT},
        records,
    },
    net,
    node::Endpoint,
    raft_driver::{self, Change, Controller, METADATA_TOPIC_ID, Publish, StoreJournal},
    runtime::world::World,
};

impl<W: World<Message = Message>> Core<W> {
    /// Brings the whole node up; runs on the controller's core only.
    ///
    /// # Errors
    /// What an operator must mend: the data directory, the configuration, the port.
    pub(crate) async fn boot(&self) -> Result<(), String> {
        let world = &self.world;
        let want = FormatWish {
            cluster_id: self.config.cluster_id.map(|id| id.0),
            disk_uuid: Uuid::from_u64_pair(world.random(), world.random()),
            broker_id: self.config.broker_id(),
            cores: world.cores() as u32,
            wall_ms: world.wall_ms(),
        };
        let identity = open_data_dir(&world.disk(), want)
            .await
            .map_err(|error| error.to_string())?;
        let home = |log: &LogSpec| {
            let shard = placement::shard_of(log.topic_id, log.partition, SHARDS_DEFAULT);
            let is_metadata = log.topic_id == METADATA_TOPIC_ID;
            let core = if is_metadata {
                CONTROLLER_CORE
            } else {
                placement::core_of(shard, world.cores())
            };
            core as u32
        };
        let identity = rehome(&world.disk(), &identity, home, &self.store_options())
            .await
            .map_err(|error| error.to_string())?;
        self.on_every_core(|| OpenCall(identity.clone()))
            .await
            .into_iter()
            .collect::<Result<(), String>>()?;
        self.start_controller(&identity).await?;
        self.on_every_core(|| ListenCall)
            .await
            .into_iter()
            .collect::<Result<(), String>>()?;
        Ok(())
    }

    /// Brings the metadata group up, registers this process, and takes leadership of what is its own.
    async fn start_controller(&self, identity: &Identity) -> Result<(), String> {
        let node = identity.broker_id;
        let options = raft_driver::Options {
            shards: SHARDS_DEFAULT,
            features: Vec::new(),
            config_rules: Rc::new(TableRules {
                broker: (*self.config).clone(),
            }),
            publish: self.publisher(),
        };
        let journal = StoreJournal::new(self.store());
        let controller = Controller::start(&self.world, journal, identity, options)
            .await
            .map_err(|error| error.to_string())?;
        assert!(self.controller.set(controller.clone()).is_ok(), "a node boots once");
        let Endpoint { host, port } = self.advertised().clone();
        let registration = Registration {
            node,
            incarnation: identity.incarnation,
            storage_id: identity.disk_uuid,
            endpoints: vec![records::Endpoint {
                listener: "PLAINTEXT".to_owned(),
                host,
                port,
                security_protocol: 0,
            }],
            rack: self.config.broker_rack.clone(),
            features: Vec::new(),
        };
        let broker_epoch = controller
            .register(registration)
            .await
            .map_err(|error| error.to_string())?;
        self.on_every_core(|| RegisteredCall(broker_epoch)).await;
        controller
            .unfence(node, broker_epoch)
            .await
            .map_err(|error| error.to_string())
    }

    /// Hands images to every core, in order. The controller must not keep the core alive that it belongs to.
    fn publisher(&self) -> Publish {
        let state = Rc::downgrade(&self.0);
        Box::new(move |changes| match state.upgrade() {
            Some(state) => {
                let core = Core(state);
                let calls: Vec<_> = changes
                    .into_iter()
                    .map(|change| match change {
                        Change::Root(image) => core.call_every_core(move || PublishCall(image.clone())),
                    })
                    .collect();
                Box::pin(async move {
                    join_all(calls).await;
                })
            }
            None => Box::pin(std::future::pending()),
        })
    }

    /// Stops the whole node in order; runs on the controller's core only.
    pub(crate) async fn stop_node(&self) {
        // Requests of one core may wait for the store of another: all are drained before any store is closed.
        self.on_every_core(|| DrainCall).await;
        self.on_every_core(|| StopCall).await;
    }

    /// Ends every core of a node that did not come up, wherever each of them is; runs on the controller's core only.
    pub(crate) async fn abandon_node(&self) {
        self.on_every_core(|| AbandonCall).await;
    }

    async fn on_every_core<C: Call>(&self, call: impl Fn() -> C) -> Vec<C::Answer> {
        self.call_every_core(call).await
    }

    /// The calls are on their way when this returns.
    fn call_every_core<C: Call, F: Fn() -> C>(&self, call: F) -> impl Future<Output = Vec<C::Answer>> + use<C, F, W> {
        let calls: Vec<_> = (0..self.world.cores()).map(|core| self.call(core, call())).collect();
        join_all(calls)
    }

    /// Opens this core's journal and logs.
    pub(super) async fn open(&self, identity: Identity) -> Result<(), String> {
        let options = self.store_options();
        let core = self.world.core();
        let store = Store::open(self.world.disk(), &identity, core as u32, options)
            .await
            .map_err(|error| format!("core {core}: {error}"))?;
        for log in store.logs() {
            if let Some(damage) = &log.damaged {
                tracing::error!(
                    topic = log.spec.topic,
                    partition = log.spec.partition,
                    reason = damage.reason,
                    "a log is damaged: what is intact is served, appends are refused"
                );
            }
        }
        assert!(
            self.identity.set(identity).is_ok() && self.store.set(store).is_ok(),
            "a core opens once"
        );
        self.world.spawn("commit", commit::run(self.clone()));
        self.world.spawn("background", commit::run_background(self.clone()));
        Ok(())
    }

    fn store_options(&self) -> StoreOptions {
        let (sleeper, yielder, clock) = (self.world.clone(), self.world.clone(), self.world.clone());
        let mut options = StoreOptions::new(
            move |duration: Duration| Box::pin(sleeper.sleep(duration)),
            move || Box::pin(yielder.yield_now()),
            move || clock.wall_ms(),
        );
        let journal_bytes = self.config.journal_bytes_per_core as u64;
        let files = u64::from(options.journal_files);
        options.journal_file_bytes = u32::try_from((journal_bytes / files).next_multiple_of(4096)).unwrap_or(!4095);
        if let Some(tune) = &self.tune_store {
            tune(&mut options);
        }
        options
    }

    /// Accepts on every address of the listeners.
    pub(super) fn listen(&self) -> Result<(), String> {
        for bind in &self.endpoints.binds {
            match self.world.listen(bind.address) {
                Ok(listener) => self.world.spawn("accept", net::accept(self.clone(), listener)),
                Err(error) if !bind.required => {
                    tracing::info!(address = %bind.address, %error, "not listening on an optional address");
                }
                Err(error) => return Err(format!("cannot listen on {}: {error}", bind.address)),
            }
        }
        Ok(())
    }

    /// Stops taking requests, and lets those under way end.
    pub(super) async fn drain(&self) {
        self.stopping.set(true);
        // Members that wait for a rebalance would wait past the deadline.
        group::host::close_all(self);
        let deadline = self.world.now().after(Duration::from_millis(STOP_WAIT_MS_MAX));
        while self.requests_under_way() > 0 && self.world.now() < deadline {
            self.world.sleep(Duration::from_millis(10)).await;
        }
    }

    /// Closes the store, so that the next start replays little.
    pub(super) async fn close(&self) {
        if let Err(error) = self.store().close().await {
            self.world.fail_stop(&format!(
                "closing the store of core {} failed: {error}",
                self.world.core()
            ));
        }
        self.closed.set(true);
    }

    /// Ends without closing the store, which may not even be open.
    pub(super) fn abandon(&self) {
        self.closed.set(true);
    }

    /// Waits for the end of an orderly stop, and a moment more for the word of it to reach the controller's core.
    pub(crate) async fn wait_closed(&self) {
        while !self.closed.get() {
            self.world.sleep(Duration::from_millis(5)).await;
        }
        self.world.sleep(Duration::from_millis(5)).await;
    }
}

impl<W: World<Message = Message>> Core<W> {
    /// The controller of this node.
    ///
    /// # Panics
    /// On any other core: wishes are sent to [`CONTROLLER_CORE`].
    pub(super) fn controller(&self) -> Controller {
        debug_assert_eq!(self.world.core(), CONTROLLER_CORE);
        self.controller
            .get()
            .expect("wishes reach the controller's core after boot")
            .clone()
    }
}
