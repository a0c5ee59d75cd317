//! Every metric: one line each, with where its value comes from. The text, the reference page and the tests come from here.

use std::collections::BTreeMap;

use corelane_protocol::api_key::ApiKey;

use super::{ApiSnapshot, CoreSnapshot, CoreTimes, Latency, NodeSnapshot, Readiness, Stage, exposition::Series};
use crate::limits::METRIC_CORES_MAX;

/// All series of one name.
pub struct Family {
    pub name: &'static str,
    pub kind: Kind,
    pub labels: &'static [&'static str],
    pub help: &'static str,
    pub(super) read: fn(&NodeSnapshot, &mut Series<'_>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Counter,
    Gauge,
    Histogram,
}

impl Kind {
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        }
    }
}

macro_rules! families {
    ($( $kind:ident $name:literal [$($label:literal),*] $help:literal = $read:expr; )*) => {
        /// In the order of the text.
        pub static FAMILIES: &[Family] = &[ $( Family {
            name: $name,
            kind: Kind::$kind,
            labels: &[$($label),*],
            help: $help,
            read: $read,
        }, )* ];
    };
}

families! {
    // Is it there, and since when.
    Gauge "corelane_build_info" ["version", "profile"] "1; what the binary is." = |node, out| out.add(&[&node.build.version, &node.build.profile], 1);
    Gauge "corelane_ready" [] "1 when every core has recovered and serves clients, else 0." = |node, out| out.add(&[], u8::from(node.readiness == Readiness::Ready));
    Gauge "corelane_core_answered" ["core"] "1 when the core answered this scrape in time; 0, and its other metrics are missing." = |node, out| for (core, snapshot) in node.cores.iter().enumerate() { out.add(&[&core], u8::from(snapshot.is_some())) };

    // The process.
    Counter "process_cpu_seconds_total" [] "CPU time of the whole process, in seconds." = |node, out| out.add(&[], node.process.cpu.as_secs_f64());
    Gauge "process_resident_memory_bytes" [] "Memory in RAM." = |node, out| out.add(&[], node.process.resident_bytes);
    Gauge "process_virtual_memory_bytes" [] "Address space." = |node, out| out.add(&[], node.process.virtual_bytes);
    Gauge "process_open_fds" [] "Open file descriptors, sockets included." = |node, out| out.add(&[], node.process.open_fds);
    Gauge "process_max_fds" [] "File descriptors that may be open." = |node, out| out.add(&[], node.process.max_fds);
    Gauge "process_start_time_seconds" [] "When the process started, in seconds since 1970." = |node, out| out.add(&[], node.process.start_time_seconds);

    // The cores' threads.
    Counter "corelane_core_busy_seconds_total" ["core"] "Time that the core's thread was on a CPU; with core.spin.us also while it looked for work." = |node, out| each_thread(node, out, |times| times.busy.as_secs_f64());
    Counter "corelane_core_stalled_seconds_total" ["core"] "Time that the core's thread was ready to run while something else had its CPU." = |node, out| each_thread(node, out, |times| times.stalled.as_secs_f64());
    Counter "corelane_core_idle_seconds_total" ["core"] "Time that the core's thread had nothing to do." = |node, out| each_thread(node, out, |times| times.idle.as_secs_f64());
    Counter "corelane_core_turns_total" ["core"] "Turns of the core's ring, each for all that was ready by then." = |node, out| each_thread(node, out, |times| times.turns as f64);

    // Requests.
    Counter "corelane_requests_total" ["core", "api"] "Requests that ended, with an answer or (acks=0) without." = |node, out| each_api(node, out, |api| api.requests);
    Counter "corelane_request_bytes_total" ["core", "api"] "Bytes of requests that ended." = |node, out| each_api(node, out, |api| api.request_bytes);
    Counter "corelane_response_bytes_total" ["core", "api"] "Bytes of answers." = |node, out| each_api(node, out, |api| api.response_bytes);
    Counter "corelane_errors_total" ["core", "api", "code"] "Errors in answers, those of their parts (a partition, a group) too, by Kafka's name of the code." = errors;
    Counter "corelane_requests_refused_total" ["core"] "Requests that cost their connection: not to be decoded, of an API or version that is not served, failed with acks=0." = |node, out| each_core(node, out, |core| core.requests_refused);
    Counter "corelane_slow_requests_total" ["core"] "Requests that took longer than slow.request.log.ms, without the wait that their client asked for." = |node, out| each_core(node, out, |core| core.slow_requests);
    Gauge "corelane_requests_under_way" ["core"] "Requests that have begun and are not answered." = |node, out| each_core(node, out, |core| core.requests_under_way);
    Histogram "corelane_request_seconds" ["core", "api"] "From a request's last byte received to its answer's last byte given to the kernel. Beyond 16 cores all are in core=\"all\"." = |node, out| latencies(node, out, |api| vec![(None, &api.total)]);
    Histogram "corelane_request_stage_seconds" ["core", "api", "stage"] "The parts of corelane_request_seconds, which together are all of it: queue, core_hop, handle, journal_wait, flush, read, wait, respond." = |node, out| latencies(node, out, |api| api.stages.iter().map(|(stage, latency)| (Some(*stage), latency)).collect());
    Gauge "corelane_request_quantile_seconds" ["api", "quantile"] "Quantiles of corelane_request_seconds of all cores since the start, known to 1 %." = quantiles;

    // Connections.
    Gauge "corelane_connections" ["core"] "Connections of clients." = |node, out| each_core(node, out, |core| core.connections);
    Counter "corelane_connections_opened_total" ["core"] "Connections that were let in." = |node, out| each_core(node, out, |core| core.connections_opened);

    // What clients make a core hold.
    Gauge "corelane_lent_bytes" ["core"] "Records in answers that are read or not sent yet." = |node, out| each_core(node, out, |core| core.lent_bytes);
    Gauge "corelane_lent_bytes_max" ["core"] "What these may be at most; then fetches get no records." = |node, out| each_core(node, out, |core| core.lent_bytes_max);
    Gauge "corelane_large_frames_bytes" ["core"] "Bytes of requests over 64 KiB that are arriving." = |node, out| each_core(node, out, |core| core.large_frames_bytes);
    Gauge "corelane_fetches_waiting" ["core"] "Fetches that wait for records (long polling)." = |node, out| each_core(node, out, |core| core.partitions.fetches_waiting);
    Gauge "corelane_produces_waiting" ["core"] "Produce requests that wait for room in memory or journal." = |node, out| each_core(node, out, |core| core.partitions.produces_waiting);

    // The journal and what is behind it.
    Counter "corelane_journal_frames_total" ["core"] "Frames sealed: each is one write and one flush." = |node, out| each_store(node, out, |store| store.frames);
    Counter "corelane_journal_frame_bytes_total" ["core"] "Bytes of these." = |node, out| each_store(node, out, |store| store.frame_bytes);
    Counter "corelane_journal_records_total" ["core"] "Records of the journal in these: a batch is one." = |node, out| each_store(node, out, |store| store.records);
    Counter "corelane_journal_record_bytes_total" ["core"] "Bytes of these; what frames have beyond is padding and heads." = |node, out| each_store(node, out, |store| store.record_bytes);
    Counter "corelane_journal_checkpoints_total" ["core"] "Checkpoints written, each of which frees journal." = |node, out| each_store(node, out, |store| store.checkpoints);
    Gauge "corelane_journal_files" ["core"] "Files of the journal." = |node, out| each_store(node, out, |store| store.journal_files.into());
    Gauge "corelane_journal_files_free" ["core"] "Those that may be written again. At none, appends wait." = |node, out| each_store(node, out, |store| store.journal_files_free.into());
    Counter "corelane_written_out_bytes_total" ["core"] "Bytes of record batches written to segments." = |node, out| each_store(node, out, |store| store.written_out_bytes);
    Gauge "corelane_tail_bytes" ["core"] "Bytes of record batches that are in journal and memory only: the backlog of write-out." = |node, out| each_store(node, out, |store| store.tail_bytes);
    Gauge "corelane_frame_memory_bytes" ["core"] "Memory of the frames that hold these." = |node, out| each_store(node, out, |store| store.frame_memory_bytes);
    Gauge "corelane_logs" ["core"] "Logs, those of metadata included." = |node, out| each_store(node, out, |store| store.logs.into());

    // Partitions and topics.
    Gauge "corelane_topics" [] "Topics, internal ones included." = |node, out| if let Some(Some(core)) = node.cores.first() { out.add(&[], core.topics) };
    Gauge "corelane_partitions" ["core"] "Replicas on this core." = |node, out| each_core(node, out, |core| core.partitions.replicas);
    Gauge "corelane_partitions_led" ["core"] "Partitions that this core leads." = |node, out| each_core(node, out, |core| core.partitions.leaders);
    Gauge "corelane_partitions_under_min_isr" ["core"] "Partitions led here that refuse acks=all: too few replicas are in sync." = |node, out| each_core(node, out, |core| core.partitions.under_min_isr);
    Gauge "corelane_partitions_damaged" ["core"] "Logs of partitions that take no appends until an operator decides." = |node, out| each_core(node, out, |core| core.partitions.damaged);

    // Groups.
    Gauge "corelane_groups" ["core"] "Groups whose coordinator is on this core." = |node, out| each_core(node, out, |core| core.groups.count);
    Gauge "corelane_group_offsets" ["core"] "Committed offsets of these." = |node, out| each_core(node, out, |core| core.groups.offsets_count);
    Gauge "corelane_group_members" ["group"] "Members of a group; of the first groups in order." = |node, out| for group in node.cores.iter().flatten().flat_map(|core| &core.groups.named) { out.add(&[&group.group_id], group.members) };
    Gauge "corelane_group_generation" ["group"] "Rebalances that a group has seen; of the first groups in order." = |node, out| for group in node.cores.iter().flatten().flat_map(|core| &core.groups.named) { out.add(&[&group.group_id], group.generation) };
    Gauge "corelane_group_lag_records" ["group", "topic", "partition"] "Records from a group's committed offset to the high watermark; of the first offsets in order." = |node, out| for lag in &node.lags { out.add(&[&lag.group_id, &lag.topic, &lag.partition], lag.records) };
}

/// The last of the text, about all others.
pub static LEFT_OUT: Family = Family {
    name: "corelane_metrics_left_out",
    kind: Kind::Gauge,
    labels: &["family"],
    help: "Series of a family that were left out of this answer, to keep it short; \"all\": groups and offsets that were not looked at.",
    read: |_, _| {},
};

fn each_core(node: &NodeSnapshot, out: &mut Series<'_>, value: fn(&CoreSnapshot) -> u64) {
    for (core, snapshot) in node.cores.iter().enumerate() {
        if let Some(snapshot) = snapshot {
            out.add(&[&core], value(snapshot));
        }
    }
}

fn each_store(node: &NodeSnapshot, out: &mut Series<'_>, value: fn(&corelane_storage::StoreStats) -> u64) {
    for (core, snapshot) in node.cores.iter().enumerate() {
        if let Some(store) = snapshot.as_ref().and_then(|snapshot| snapshot.store.as_ref()) {
            out.add(&[&core], value(store));
        }
    }
}

fn each_thread(node: &NodeSnapshot, out: &mut Series<'_>, value: fn(&CoreTimes) -> f64) {
    for (core, times) in node.times.iter().enumerate() {
        if let Some(times) = times {
            out.add(&[&core], value(times));
        }
    }
}

fn each_api(node: &NodeSnapshot, out: &mut Series<'_>, value: fn(&ApiSnapshot) -> u64) {
    for (core, api) in apis(node) {
        out.add(&[&core, &api.api], value(api));
    }
}

fn apis(node: &NodeSnapshot) -> impl Iterator<Item = (usize, &ApiSnapshot)> {
    let cores = node.cores.iter().enumerate();
    cores.flat_map(|(core, snapshot)| {
        snapshot
            .iter()
            .flat_map(move |one| one.apis.iter().map(move |api| (core, api)))
    })
}

fn errors(node: &NodeSnapshot, out: &mut Series<'_>) {
    for (core, api) in apis(node) {
        for (code, count) in &api.errors {
            out.add(&[&core, &api.api, code], count);
        }
    }
}

/// What a family of histograms has of one API.
type Shown = fn(&ApiSnapshot) -> Vec<(Option<Stage>, &Latency)>;

/// Histograms core by core, or of all cores together where there are too many for that.
fn latencies(node: &NodeSnapshot, out: &mut Series<'_>, latencies: Shown) {
    let mut add = |core: &dyn std::fmt::Display, api: ApiKey, stage: Option<Stage>, latency: &Latency| match stage {
        Some(stage) => out.add_latency(&[core, &api, &stage.name()], latency),
        None => out.add_latency(&[core, &api], latency),
    };
    if node.cores.len() <= METRIC_CORES_MAX {
        for (core, api) in apis(node) {
            for (stage, latency) in latencies(api) {
                add(&core, api.api, stage, latency);
            }
        }
        return;
    }
    let mut merged: BTreeMap<(ApiKey, Option<Stage>), Latency> = BTreeMap::new();
    for (_, api) in apis(node) {
        for (stage, latency) in latencies(api) {
            merged.entry((api.api, stage)).or_default().merge(latency);
        }
    }
    for ((api, stage), latency) in &merged {
        add(&"all", *api, *stage, latency);
    }
}

fn quantiles(node: &NodeSnapshot, out: &mut Series<'_>) {
    let mut merged: BTreeMap<ApiKey, Latency> = BTreeMap::new();
    for (_, api) in apis(node) {
        merged.entry(api.api).or_default().merge(&api.total);
    }
    for (api, latency) in &merged {
        for quantile in [0.5, 0.99, 0.999, 1.0] {
            out.add(&[api, &quantile], latency.quantile(quantile).as_secs_f64());
        }
    }
}
