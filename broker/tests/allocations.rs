//! Goal: a small request costs no more allocations than is known, on its whole way from the socket through the flush to the answer.
//!
//! The node runs in this process, so that whatever it allocates is counted, on every thread of it. The clients allocate
//! nothing while it counts: their requests were made before. So many requests are counted that what goes on beside them is
//! little; nothing here depends on time.

mod harness;

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    path::Path,
    sync::{Arc, mpsc},
    thread::{self, JoinHandle},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use corelane_broker::{
    config,
    core::Message as CoreMessage,
    node::{BindAddress, Endpoint, Endpoints, Node, NodeOptions},
    runtime::{self, GlommioWorld, Stopper, host::PortClaim},
};
use corelane_protocol::{
    frame,
    header::RequestHeader,
    message::Message,
    messages::fetch::{FetchPartition, FetchRequestData, FetchTopic},
    records::Builder,
};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

use harness::{
    TempFolder,
    wire::{Wire, produce},
};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<std::alloc::System> = &INSTRUMENTED_SYSTEM;

/// Allocations and reallocations of one request at most: what they are, and a little for what runs beside it.
const PRODUCE_MAX: f64 = 24.0;
const FETCH_MAX: f64 = 53.0;

const TOPIC: &str = "counted";
const CONNECTIONS: usize = 16;
const WARM_UP: usize = 512;
const COUNTED: usize = 2048;

#[test]
fn small_requests_allocate_little() {
    let node = RunningNode::start();
    let mut wire = Wire::connect(node.address.port());
    wire.create_topic(TOPIC, 1);
    let mut clients: Vec<Client> = (0..CONNECTIONS).map(|_| Client::connect(node.address)).collect();
    let record = request(9, &produce(TOPIC, [one_record()]));

    count("a Produce, one connection", PRODUCE_MAX, |requests| {
        (0..requests).for_each(|_| clients[0].ask(&record));
    });
    count("a Produce, one of several connections", PRODUCE_MAX, |requests| {
        for _ in 0..requests / CONNECTIONS {
            clients.iter_mut().for_each(|client| client.send(&record));
            clients.iter_mut().for_each(Client::receive);
        }
    });
    // Refusals would be cheap.
    let mut tail = end_offset(&mut wire);
    assert_eq!(tail as usize, 2 * (WARM_UP + COUNTED) + 1);

    let mut fetch = TailFetch::new();
    count(
        "a Fetch that waits, and the Produce that it waits for",
        FETCH_MAX,
        |requests| {
            let (reader, producers) = clients.split_first_mut().expect("there are several");
            for _ in 0..requests {
                reader.send(fetch.request(tail));
                producers[0].ask(&record);
                reader.receive();
                tail += 1;
            }
        },
    );
    assert_eq!(end_offset(&mut wire), tail + 1);
    node.stop();
}

/// Counts what a request costs when the node has seen many of them.
fn count(what: &str, at_most: f64, mut load: impl FnMut(usize)) {
    load(WARM_UP);
    let region = Region::new(ALLOCATOR);
    load(COUNTED);
    let change = region.change();
    let each = |count: usize| count as f64 / COUNTED as f64;
    let (allocations, bytes) = (
        each(change.allocations + change.reallocations),
        each(change.bytes_allocated),
    );
    println!(
        "{what}: {allocations:.2} allocations ({:.2} of them to grow), {bytes:.0} bytes",
        each(change.reallocations)
    );
    assert!(
        allocations <= at_most,
        "{what}: {allocations:.2} allocations, at most {at_most} were expected"
    );
}

fn one_record() -> bytes::Bytes {
    let mut batch = Builder::new();
    // Of today, or retention would take it.
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    batch.push(now.as_millis() as i64, None, Some(&[b'v'; 256]));
    batch.build()
}

/// One past the topic's last record, which this appends.
fn end_offset(wire: &mut Wire) -> i64 {
    wire.send_produce(TOPIC, 0, b"the last so far");
    wire.produced_offset() + 1
}

fn request<Q: Message>(version: i16, request: &Q) -> Vec<u8> {
    let header = RequestHeader {
        api_key: Q::API_KEY,
        api_version: version,
        correlation_id: 0,
        client_id: Some("test".to_owned()),
    };
    frame::request(&header, request).to_vec()
}

/// A fetch from any offset, without an allocation for each.
struct TailFetch {
    request: Vec<u8>,
    offset_at: usize,
}

impl TailFetch {
    fn new() -> TailFetch {
        const MARK: i64 = 0x0123_4567_89ab_cdef;
        let fetch = FetchRequestData {
            max_wait_ms: 60_000,
            min_bytes: 1,
            topics: vec![FetchTopic {
                topic: TOPIC.to_owned(),
                partitions: vec![FetchPartition {
                    fetch_offset: MARK,
                    partition_max_bytes: 1 << 20,
                    ..Default::default()
                }],
                ..Default::default()
            }],
            ..Default::default()
        };
        let request = request(11, &fetch);
        let mark = MARK.to_be_bytes();
        let offset_at = request.windows(mark.len()).position(|bytes| bytes == mark);
        TailFetch {
            request,
            offset_at: offset_at.expect("the offset is in the request"),
        }
    }

    fn request(&mut self, offset: i64) -> &[u8] {
        self.request[self.offset_at..][..size_of::<i64>()].copy_from_slice(&offset.to_be_bytes());
        &self.request
    }
}

/// One connection whose answers are small.
struct Client {
    stream: TcpStream,
    answer: [u8; 4096],
}

impl Client {
    fn connect(address: SocketAddr) -> Client {
        let stream = TcpStream::connect(address).expect("connect to the node");
        stream.set_nodelay(true).expect("no delay");
        stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a limit");
        Client {
            stream,
            answer: [0; 4096],
        }
    }

    fn ask(&mut self, request: &[u8]) {
        self.send(request);
        self.receive();
    }

    fn send(&mut self, request: &[u8]) {
        self.stream.write_all(request).expect("send a request");
    }

    fn receive(&mut self) {
        let (prefix, rest) = self.answer.split_at_mut(frame::PREFIX_BYTES);
        self.stream.read_exact(prefix).expect("an answer");
        let bytes = frame::body_bytes(prefix, rest.len())
            .expect("a small answer")
            .expect("a whole prefix");
        self.stream.read_exact(&mut rest[..bytes]).expect("a whole answer");
    }
}

/// A node of one core in this process.
struct RunningNode {
    address: SocketAddr,
    stopper: Stopper,
    thread: JoinHandle<()>,
    _folder: TempFolder,
}

impl RunningNode {
    fn start() -> RunningNode {
        let folder = TempFolder::new("allocations");
        let claim = PortClaim::take(SocketAddr::from(([127, 0, 0, 1], 0))).expect("a free port");
        let address = claim.address();
        let options = node_options(folder.path(), address);
        let runtime_options = runtime::Options {
            cores: 1,
            signals: false,
            ..runtime::Options::new(options.config.data_dir())
        };
        let (up, is_up) = mpsc::channel();
        let thread = thread::spawn(move || {
            let node = move |world: GlommioWorld<CoreMessage>| {
                let (options, up) = (options.clone(), up.clone());
                async move {
                    let node = Node::new(world.clone(), options, None);
                    node.boot().await.expect("the node comes up");
                    up.send(world.stopper()).expect("somebody waits for it");
                    world.stopped().await;
                    node.stop().await;
                }
            };
            runtime::start(runtime_options, node).expect("the core starts");
            drop(claim);
        });
        RunningNode {
            address,
            stopper: is_up.recv().expect("the node comes up"),
            thread,
            _folder: folder,
        }
    }

    fn stop(self) {
        self.stopper.stop();
        self.thread.join().expect("the core ends in order");
    }
}

fn node_options(folder: &Path, address: SocketAddr) -> NodeOptions {
    let inputs = config::Inputs {
        file: None,
        environment: Vec::new(),
        set: vec![
            format!("listeners=PLAINTEXT://{address}"),
            format!("log.dirs={}", folder.join("data").display()),
        ],
        hostname: "localhost".to_owned(),
    };
    let config = config::Broker::load(&inputs).expect("a sound configuration").broker;
    let bind = BindAddress {
        address,
        required: true,
    };
    let advertised = Endpoint {
        host: address.ip().to_string(),
        port: address.port(),
    };
    NodeOptions {
        config: Arc::new(config),
        endpoints: Arc::new(Endpoints {
            binds: vec![bind],
            advertised,
        }),
    }
}
