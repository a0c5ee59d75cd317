//! How a node starts and stops: data directory, stores, controller, image, listeners — and the way back.
//!
//! ```text
//! core 0: format or open ─> every core: Open (recover the journal) ─> controller registers, fences, re-grants, unfences
//!         ─> every core: Publish (open and lead) ─> every core: Listen ─> ready
//! ```

use std::{future::Future, rc::Rc, sync::Arc, time::Duration};

use corelane_storage::{FormatWish, Identity, LogConfig, LogSpec, Store, StoreOptions, open_data_dir, rehome};
use futures_util::future::join_all;
use uuid::Uuid;

use super::{
    CONSUMER_OFFSETS, CONTROLLER_CORE, Core, Message, commit,
    message::{Call, ListenCall, OpenCall, PublishCall, RegisteredCall, StopCall},
};
use crate::{
    config::TopicConfig,
    group,
    limits::STOP_WAIT_MS_MAX,
    metadata::{
        Image,
        decide::{Registration, TableRules},
        placement::{self, SHARDS_DEFAULT},
        reconcile::{self, Action, Me},
        records,
    },
    net,
    node::Endpoint,
    partition::{self, Partition, PartitionKey, replica::Replica},
    raft_driver::{self, Controller, METADATA_TOPIC_ID, Publish, StoreLog},
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
        let log = StoreLog::open(self.store());
        let controller = Controller::start(&self.world, log, identity, options)
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
        Box::new(move |image| match state.upgrade() {
            Some(state) => {
                let core = Core(state);
                let calls = core.call_every_core(move || PublishCall(image.clone()));
                Box::pin(async move {
                    calls.await;
                })
            }
            None => Box::pin(std::future::pending()),
        })
    }

    /// Stops the whole node in order; runs on the controller's core only.
    pub(crate) async fn stop_node(&self) {
        self.on_every_core(|| StopCall).await;
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

    /// Makes an image true on this core: open and close logs, lead, configure.
    pub(super) fn apply(&self, image: Arc<Image>) {
        let previous = self.image();
        let me = Me {
            node: self.broker_id(),
            storage_id: self.identity().disk_uuid,
            broker_epoch: self.broker_epoch.get(),
            core: self.world.core(),
            cores: self.world.cores(),
        };
        // Logs are opened before clients can see the image, and closed after they cannot any more.
        let actions = reconcile::plan(&previous, &image, &me);
        for action in &actions {
            self.carry_out(action);
        }
        let deleted = reconcile::deleted_topics(&previous, &image);
        *self.image.borrow_mut() = image;
        if !deleted.is_empty() {
            group::host::on_topics_deleted(self, &deleted);
        }
        for action in &actions {
            if let Action::DeleteLog { topic_id, partition } = action {
                self.delete_log(&PartitionKey {
                    topic_id: *topic_id,
                    partition: *partition,
                });
            }
        }
    }

    pub(super) fn on_registered(&self, broker_epoch: u64) {
        self.broker_epoch.set(Some(broker_epoch));
        self.delete_garbage(&self.image());
    }

    fn carry_out(&self, action: &Action) {
        let store = self.store();
        match action {
            Action::CreateLog { topic, partition } => {
                let key = PartitionKey {
                    topic_id: topic.topic_id,
                    partition: *partition,
                };
                let config = self.topic_config(topic);
                let log = store.find(key.topic_id, key.partition).unwrap_or_else(|| {
                    let topic = topic.name.to_string();
                    let spec = LogSpec {
                        topic_id: key.topic_id,
                        topic,
                        partition: key.partition,
                    };
                    store.create(spec, log_config(&config))
                });
                store.configure(log, log_config(&config));
                let durable = store.durable_end(log).expect("the log was just opened");
                let replica = Replica::recovered(durable);
                self.partitions
                    .borrow_mut()
                    .insert(key, Partition::new(log, replica, config));
            }
            Action::Configure { topic, partition } => {
                let key = PartitionKey {
                    topic_id: topic.topic_id,
                    partition: *partition,
                };
                self.forget_topic_config(topic.topic_id);
                let config = self.topic_config(topic);
                let mut partitions = self.partitions.borrow_mut();
                let open = partitions
                    .get_mut(&key)
                    .expect("a partition is configured after it was opened");
                store.configure(open.log, log_config(&config));
                open.config = config;
            }
            Action::OpenLeader {
                topic,
                partition,
                leader_epoch,
                state,
            } => {
                let key = PartitionKey {
                    topic_id: topic.topic_id,
                    partition: *partition,
                };
                let mut partitions = self.partitions.borrow_mut();
                let open = partitions
                    .get_mut(&key)
                    .expect("a partition is led after it was opened");
                if *leader_epoch > open.replica.leader_epoch() {
                    let end = store.end_offset(open.log).expect("the log is open");
                    store.start_epoch(open.log, *leader_epoch, end);
                }
                open.replica
                    .lead(*leader_epoch, state.isr.len(), usize::from(state.min_isr));
                drop(partitions);
                if &*topic.name == CONSUMER_OFFSETS {
                    group::host::open(self, key, *leader_epoch);
                }
            }
            Action::CloseLeader {
                topic,
                partition,
                state,
            } => {
                let key = PartitionKey {
                    topic_id: topic.topic_id,
                    partition: *partition,
                };
                group::host::close(self, &key);
                if let Some(open) = self.partitions.borrow_mut().get_mut(&key) {
                    open.replica.resign(state.leader_epoch);
                }
            }
            // After clients cannot see the topic any more.
            Action::DeleteLog { .. } => {}
        }
    }

    fn delete_log(&self, key: &PartitionKey) {
        self.forget_topic_config(key.topic_id);
        group::host::close(self, key);
        if let Some(log) = partition::close(self, key) {
            self.store().delete(log);
        }
    }

    /// Logs of topics that are gone: the process ended between the removal and the deletion of its logs. The image of
    /// the own registration holds everything that was ever committed, and a log is only made for a committed topic.
    fn delete_garbage(&self, image: &Image) {
        for log in self.store().logs() {
            let is_metadata = log.spec.topic_id == METADATA_TOPIC_ID;
            if !is_metadata && image.partition(log.spec.topic_id, log.spec.partition).is_none() {
                tracing::info!(
                    topic = log.spec.topic,
                    partition = log.spec.partition,
                    "deleting the log of a topic that is gone"
                );
                self.store().delete(log.id);
            }
        }
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

    /// Stops taking requests, lets those under way end, and closes the store, so that the next start replays little.
    pub(super) async fn close(&self) {
        self.stopping.set(true);
        // Members that wait for a rebalance would wait past the deadline.
        group::host::close_all(self);
        let deadline = self.world.now().after(Duration::from_millis(STOP_WAIT_MS_MAX));
        while self.requests_under_way() > 0 && self.world.now() < deadline {
            self.world.sleep(Duration::from_millis(10)).await;
        }
        if let Err(error) = self.store().close().await {
            self.world.fail_stop(&format!(
                "closing the store of core {} failed: {error}",
                self.world.core()
            ));
        }
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

/// The part of a topic's config that storage acts on.
fn log_config(config: &TopicConfig) -> LogConfig {
    LogConfig {
        segment_bytes: config.segment_bytes as u32,
        segment_ms: config.segment_ms,
        retention_ms: config.retention_ms,
        retention_bytes: config.retention_bytes,
        delete: config.deletes(),
        index_interval_bytes: config.index_interval_bytes as u32,
    }
}
