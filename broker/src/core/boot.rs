//! How a node starts and stops: data directory, stores, groups, leadership, listeners — and the way back.
//!
//! ```text
//! core 0:     format or open ──> Open ──────> RunGroups ──> root: register, fenced ──> Registered ─> root: unfence ─┐
//! every core:             recover the journal  lead groups                         know the broker epoch            │
//! every core:                       Listen <── Settle: shards grant what is this node's, cores lead it <────────────┘
//! ```

use std::{cell::RefCell, future::Future, rc::Rc, sync::Arc, time::Duration};

use corelane_raft::VoterId;
use corelane_storage::{Identity, LogSpec, Store, StoreOptions, rehome};
use futures_util::future::join_all;

use super::{
    CONTROLLER_CORE, Core, Message, commit,
    message::{
        AbandonCall, Call, DrainCall, ListenCall, OpenCall, PublishCall, Recovered, RegisteredCall, RunGroupsCall,
        SettleCall, StopCall,
    },
};
use crate::{
    group,
    limits::STOP_WAIT_MS_MAX,
    metadata::{
        WishError,
        controller::Timing,
        decide::{FormatCluster, Registration, TableRules},
        features,
        placement::{self, SHARDS_DEFAULT},
        records,
    },
    net,
    node::Endpoint,
    partition::fetch,
    raft_driver::{
        Change, Controller, GroupSet, Journal, METADATA_TOPIC_ID, Publish, Shards, SharedRules, Status, StoreJournal,
    },
    runtime::world::World,
};

impl<W: World<Message = Message>> Core<W> {
    /// Brings the whole node up; runs on the controller's core only.
    ///
    /// # Errors
    /// What an operator must mend: the data directory, the configuration, the port.
    pub(crate) async fn boot(&self) -> Result<(), String> {
        let world = &self.world;
        let identity = self.open_data_directory().await?;
        let home = |log: &LogSpec| self.home_of(log) as u32;
        if identity.journal_cores != identity.cores {
            let (from, to) = (identity.journal_cores, identity.cores);
            tracing::info!(from, to, "another number of cores than before: moving the journals");
        }
        let identity = rehome(&world.disk(), &identity, home, &self.store_options())
            .await
            .map_err(|error| self.in_data_directory(&error))?;
        let began = world.now();
        let recovered = self
            .on_every_core(|| OpenCall(identity.clone()))
            .await
            .into_iter()
            .collect::<Result<Vec<Recovered>, String>>()?;
        let logs: usize = recovered.iter().map(|core| core.logs).sum();
        let records: i64 = recovered.iter().map(|core| core.records).sum();
        let ends: Vec<String> = recovered.iter().map(|core| core.journal_end.to_string()).collect();
        let took_ms = world.now().since(began).as_millis() as u64;
        tracing::info!(
            start = identity.incarnation,
            logs,
            records,
            took_ms,
            ends = ends.join(", "),
            "journals recovered"
        );
        self.on_every_core(|| RunGroupsCall)
            .await
            .into_iter()
            .collect::<Result<(), String>>()?;
        self.take_up_leadership(&identity)
            .await
            .map_err(|error| format!("metadata refused the start: {error}"))?;
        self.on_every_core(|| ListenCall)
            .await
            .into_iter()
            .collect::<Result<(), String>>()?;
        Ok(())
    }

    /// The core whose journal has a log.
    fn home_of(&self, log: &LogSpec) -> usize {
        let shard = if log.topic_id == METADATA_TOPIC_ID {
            placement::shard_of_group(log.partition as u32)
        } else {
            Some(placement::shard_of(log.topic_id, log.partition, SHARDS_DEFAULT))
        };
        shard.map_or(CONTROLLER_CORE, |shard| placement::core_of(shard, self.world.cores()))
    }

    /// Recovers the logs of this core's groups, and leads them. The doors to them are open when this returns.
    pub(super) fn run_groups(&self) -> impl Future<Output = Result<(), String>> + use<W> {
        let (core, cores) = (self.world.core(), self.world.cores());
        let journal = StoreJournal::new(self.store());
        let rules: SharedRules = Rc::new(RefCell::new(Rc::new(TableRules {
            broker: (*self.config).clone(),
        })));
        assert!(self.config_rules.set(rules.clone()).is_ok(), "a node boots once");
        let timing = Timing {
            // The one broker that there is lives as long as its controller: both are this process.
            session_timeout: Duration::from_secs(u64::from(u32::MAX)),
            balance_interval: None,
            proposal_bytes_max: journal.proposal_bytes_max(),
        };
        let snapshots = self.tuning.as_ref().map(|tuning| tuning.snapshots);
        let (node, mut set) = (self.broker_id(), GroupSet::new(snapshots.unwrap_or_default()));
        if core == CONTROLLER_CORE {
            let store = self.store().clone();
            let may_grow = move || store.has_room_to_grow();
            let controller = Controller::join(&mut set, &self.world, node, &timing, &rules, may_grow);
            assert!(self.controller.set(controller).is_ok(), "a node boots once");
        }
        let own = (0..SHARDS_DEFAULT).filter(|shard| placement::core_of(*shard, cores) == core);
        let shards = Shards::join(&mut set, own, node, &timing, &rules);
        assert!(self.shards.set(shards).is_ok(), "a node boots once");
        let me = VoterId {
            node,
            storage_id: self.identity().disk_uuid.as_u128(),
        };
        let (state, world, publish) = (self.clone(), self.world.clone(), self.publisher());
        async move {
            let groups = set.run(&world, journal, me, publish).await;
            let groups = groups.map_err(|error| format!("core {core}: {error}"))?;
            assert!(state.raft_groups.set(groups).is_ok(), "a node boots once");
            Ok(())
        }
    }

    /// Registers this process and opens it to leadership, which the shards of all cores then grant, in parallel and in
    /// leader epochs that were never used before.
    async fn take_up_leadership(&self, identity: &Identity) -> Result<(), WishError> {
        let (node, controller) = (identity.broker_id, self.controller());
        let format = FormatCluster {
            cluster_id: identity.cluster_id,
            shards: SHARDS_DEFAULT,
            features: features::of_new_cluster(),
        };
        controller.format(format).await?;
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
            rack: self.config.node.broker_rack.clone(),
            features: features::supported().collect(),
        };
        let broker_epoch = controller.register(registration).await?;
        self.on_every_core(|| RegisteredCall(broker_epoch)).await;
        controller.unfence(node, broker_epoch).await?;
        self.on_every_core(|| SettleCall).await.into_iter().collect()
    }

    /// Hands changes to every core, in order. The groups must not keep the core alive that they belong to.
    fn publisher(&self) -> Publish {
        let state = Rc::downgrade(&self.0);
        Box::new(move |changes| match state.upgrade() {
            Some(_) if changes.is_empty() => Box::pin(std::future::ready(())),
            Some(state) => {
                let changes: Arc<[Change]> = changes.into();
                let calls = Core(state).call_every_core(move || PublishCall(changes.clone()));
                Box::pin(async move {
                    calls.await;
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
    pub(super) async fn open(&self, identity: Identity) -> Result<Recovered, String> {
        let options = self.store_options();
        let core = self.world.core();
        let store = Store::open(self.world.disk(), &identity, core as u32, options)
            .await
            .map_err(|error| format!("core {core}: {}", self.in_data_directory(&error)))?;
        let logs = store.logs();
        let of_topics = logs.iter().filter(|log| log.spec.topic_id != METADATA_TOPIC_ID);
        let recovered = Recovered {
            logs: of_topics.clone().count(),
            records: of_topics.map(|log| log.end_offset - log.start_offset).sum(),
            journal_end: store.recovered_end(),
        };
        for log in logs {
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
        Ok(recovered)
    }

    fn store_options(&self) -> StoreOptions {
        let (sleeper, yielder, clock) = (self.world.clone(), self.world.clone(), self.world.clone());
        let mut options = StoreOptions::new(
            move |duration: Duration| Box::pin(sleeper.sleep(duration)),
            move || Box::pin(yielder.yield_now()),
            move || clock.wall_ms(),
        );
        let journal_bytes = self.config.node.journal_bytes_per_core as u64;
        let files = u64::from(options.journal_files);
        options.journal_file_bytes = u32::try_from((journal_bytes / files).next_multiple_of(4096)).unwrap_or(!4095);
        options.retention_every_ms = self.config.log.log_retention_check_interval_ms;
        options.producers_every_ms = i64::from(self.config.transactions.producer_id_expiration_check_interval_ms);
        let clock = self.world.clone();
        options.now_ns = Rc::new(move || clock.now().0);
        if let Some(tuning) = &self.tuning {
            (tuning.store)(&mut options);
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
        self.serves.set(true);
        Ok(())
    }

    /// Stops taking requests, and lets those under way end.
    pub(super) async fn drain(&self) {
        self.stopping.set(true);
        // Members that wait for a rebalance would wait past the deadline.
        group::host::close_all(self);
        // So would readers.
        fetch::finish_all(self);
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

    /// The shard groups of this core.
    ///
    /// The log of the metadata that all others depend on, as this core knows it; None where it is not.
    pub(super) fn quorum(&self) -> Option<Status> {
        self.raft_groups.get()?.status(placement::ROOT_GROUP)
    }

    /// # Panics
    /// Before they run: nothing is published earlier.
    pub(super) fn shards(&self) -> &Shards {
        self.shards.get().expect("groups run before anything is published")
    }
}
