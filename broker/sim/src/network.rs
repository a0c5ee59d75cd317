//! Virtual connections: bytes arrive in order, late, and in other pieces than they were sent in; a full window holds
//! the sender back; either side, or the network itself, may break it at any byte.
//!
//! Every node has an address space of its own, so that each can listen on 127.0.0.1:9092.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, VecDeque},
    future::{Future, poll_fn},
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    rc::{Rc, Weak},
    task::{Poll, Waker},
};

use bytes::{Buf, Bytes, BytesMut};
use corelane_broker::runtime::world::{Listener, Parts, Stream};

use crate::simulation::Simulation;

/// Virtual nanoseconds that bytes are on their way.
const DELAY_NS: (u64, u64) = (10_000, 300_000);
/// Bytes that may be on their way or unread before the sender is held back.
const WINDOW_BYTES: usize = 128 << 10;

/// All listeners and living connections.
#[derive(Default)]
pub(crate) struct NetworkState {
    /// By node and address; every core of a node may listen on one address.
    listeners: BTreeMap<(u32, SocketAddr), Vec<Rc<ListenerState>>>,
    connections: BTreeMap<u64, Weak<Connection>>,
    next_connection: u64,
}

struct ListenerState {
    place: (u64, usize),
    waiting: RefCell<VecDeque<(SimStream, SocketAddr)>>,
    waker: RefCell<Option<Waker>>,
    closed: Cell<bool>,
}

/// A listening socket of one core.
pub struct SimListener {
    address: SocketAddr,
    state: Rc<ListenerState>,
}

impl Drop for SimListener {
    fn drop(&mut self) {
        self.state.closed.set(true);
        self.state.waiting.take();
    }
}

struct Connection {
    id: u64,
    simulation: Simulation,
    sides: [Side; 2],
}

/// What one side has received, and whether it still takes part.
struct Side {
    place: (u64, usize),
    arrived: RefCell<VecDeque<Bytes>>,
    arrived_bytes: Cell<usize>,
    on_the_way_bytes: Cell<usize>,
    /// When the last bytes sent to this side arrive.
    last_ns: Cell<u64>,
    /// The other side has closed, and all it sent has arrived.
    ended: Cell<bool>,
    broken: Cell<Option<io::ErrorKind>>,
    /// This side has closed or shut down.
    closed: Cell<bool>,
    reader: RefCell<Option<Waker>>,
    /// Of who waits for the end of the other side.
    end: RefCell<Option<Waker>>,
    /// This side's writer, to learn that the connection is over.
    writer: RefCell<Option<Waker>>,
    /// The other side's writer, which waits for room here.
    room: RefCell<Option<Waker>>,
}

/// One side of a connection.
#[derive(Clone)]
pub struct SimStream(Rc<Holder>);

/// Closes its side with the last clone.
struct Holder {
    connection: Rc<Connection>,
    side: usize,
}

impl Simulation {
    pub(crate) fn listen(&self, node: u32, place: (u64, usize), address: SocketAddr) -> io::Result<SimListener> {
        let mut network = self.0.network.borrow_mut();
        let address = match address.port() {
            // Any free port; all simulated ports above are free until taken.
            0 => {
                let taken = |port: u16| network.listeners.keys().any(|(n, a)| *n == node && a.port() == port);
                let port = (40_000..u16::MAX).find(|port| !taken(*port)).expect("a free port");
                SocketAddr::new(address.ip(), port)
            }
            _ => address,
        };
        let listeners = network.listeners.entry((node, address)).or_default();
        listeners.retain(|listener| !listener.closed.get());
        if listeners
            .iter()
            .any(|listener| listener.place.0 != place.0 || listener.place.1 == place.1)
        {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        let state = Rc::new(ListenerState {
            place,
            waiting: RefCell::default(),
            waker: RefCell::default(),
            closed: Cell::new(false),
        });
        listeners.push(state.clone());
        Ok(SimListener { address, state })
    }

    /// Connects from `from` to a port of a node; the seed says which of the listening cores gets it.
    pub async fn connect(&self, from: (u64, usize), node: u32, port: u16) -> io::Result<SimStream> {
        let delay_ns = self.network_delay();
        self.sleep(std::time::Duration::from_nanos(delay_ns)).await;
        let (id, listener) = {
            let mut network = self.0.network.borrow_mut();
            let at_port = network
                .listeners
                .iter()
                .filter(|((n, address), _)| *n == node && address.port() == port);
            let open: Vec<Rc<ListenerState>> = at_port
                .flat_map(|(_, all)| all)
                .filter(|listener| !listener.closed.get())
                .cloned()
                .collect();
            if open.is_empty() {
                return Err(io::ErrorKind::ConnectionRefused.into());
            }
            let listener = self.draw(|random| random.pick(&open).clone());
            network.next_connection += 1;
            (network.next_connection, listener)
        };
        let connection = Rc::new(Connection {
            id,
            simulation: self.clone(),
            sides: [Side::new(from), Side::new(listener.place)],
        });
        self.0
            .network
            .borrow_mut()
            .connections
            .insert(id, Rc::downgrade(&connection));
        let stream = |side| {
            SimStream(Rc::new(Holder {
                connection: connection.clone(),
                side,
            }))
        };
        let (client, server) = (stream(0), stream(1));
        self.note("connect", listener.place, id, || format!("connection {id}"));
        let client_address = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 10_000 + (id % 50_000) as u16);
        listener.waiting.borrow_mut().push_back((server, client_address));
        if let Some(waker) = listener.waker.take() {
            waker.wake();
        }
        Ok(client)
    }

    fn network_delay(&self) -> u64 {
        self.draw(|random| {
            let delay_ns = random.between(DELAY_NS.0, DELAY_NS.1);
            // One in two hundred is late.
            if random.chance(1, 200) {
                delay_ns * 100
            } else {
                delay_ns
            }
        })
    }

    /// Breaks one living connection, drawn from the seed; both sides learn it at once, what was on its way is lost.
    pub fn break_a_connection(&self) {
        let living: Vec<Rc<Connection>> = {
            let mut network = self.0.network.borrow_mut();
            network
                .connections
                .retain(|_, connection| connection.strong_count() > 0);
            network.connections.values().filter_map(Weak::upgrade).collect()
        };
        if !living.is_empty() {
            let connection = self.draw(|random| random.pick(&living).clone());
            self.note("break", connection.sides[1].place, connection.id, || {
                format!("connection {}", connection.id)
            });
            connection
                .sides
                .iter()
                .for_each(|side| side.break_with(io::ErrorKind::ConnectionReset));
        }
    }

    pub(crate) fn machine_died(&self, machine: u64) {
        let living: Vec<Rc<Connection>> = {
            let mut network = self.0.network.borrow_mut();
            for listeners in network.listeners.values_mut() {
                listeners.retain(|listener| listener.place.0 != machine);
            }
            network.listeners.retain(|_, listeners| !listeners.is_empty());
            network.connections.values().filter_map(Weak::upgrade).collect()
        };
        for connection in living {
            for (side, other) in [(0, 1), (1, 0)] {
                if connection.sides[side].place.0 == machine {
                    connection.sides[side].break_with(io::ErrorKind::ConnectionReset);
                    let (connection, place) = (connection.clone(), connection.sides[other].place);
                    self.after(self.network_delay(), "reset", place, connection.id, move |_| {
                        connection.sides[other].break_with(io::ErrorKind::ConnectionReset);
                    });
                }
            }
        }
    }
}

impl Side {
    fn new(place: (u64, usize)) -> Side {
        Side {
            place,
            arrived: RefCell::default(),
            arrived_bytes: Cell::new(0),
            on_the_way_bytes: Cell::new(0),
            last_ns: Cell::new(0),
            ended: Cell::new(false),
            broken: Cell::new(None),
            closed: Cell::new(false),
            reader: RefCell::default(),
            end: RefCell::default(),
            writer: RefCell::default(),
            room: RefCell::default(),
        }
    }

    fn break_with(&self, kind: io::ErrorKind) {
        if self.broken.get().is_none() {
            self.broken.set(Some(kind));
        }
        self.arrived.take();
        self.wake();
    }

    fn wake(&self) {
        for waker in [
            self.reader.take(),
            self.end.take(),
            self.writer.take(),
            self.room.take(),
        ]
        .into_iter()
        .flatten()
        {
            waker.wake();
        }
    }
}

impl Connection {
    /// Sends to `side`, or tells it the end (`None`), in order.
    fn deliver(self: &Rc<Self>, side: usize, bytes: Option<Bytes>) {
        let to = &self.sides[side];
        let at_ns = (self.simulation.now_ns() + self.simulation.network_delay()).max(to.last_ns.get());
        to.last_ns.set(at_ns);
        let len = bytes.as_ref().map_or(0, Bytes::len);
        to.on_the_way_bytes.set(to.on_the_way_bytes.get() + len);
        let connection = self.clone();
        let (kind, number) = if bytes.is_some() {
            ("bytes", len as u64)
        } else {
            ("end", self.id)
        };
        self.simulation
            .after(at_ns - self.simulation.now_ns(), kind, to.place, number, move |_| {
                let to = &connection.sides[side];
                to.on_the_way_bytes.set(to.on_the_way_bytes.get() - len);
                if to.broken.get().is_some() {
                    return;
                }
                match bytes {
                    // Nobody will read it: the sender learns that.
                    Some(_) if to.closed.get() => {
                        connection.sides[1 - side].break_with(io::ErrorKind::BrokenPipe);
                        return;
                    }
                    Some(bytes) => {
                        to.arrived_bytes.set(to.arrived_bytes.get() + len);
                        to.arrived.borrow_mut().push_back(bytes);
                    }
                    None => {
                        to.ended.set(true);
                        if let Some(waker) = to.end.take() {
                            waker.wake();
                        }
                    }
                }
                if let Some(waker) = to.reader.take() {
                    waker.wake();
                }
            });
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        close(&self.connection, self.side);
    }
}

fn close(connection: &Rc<Connection>, side: usize) {
    let own = &connection.sides[side];
    if own.closed.replace(true) {
        return;
    }
    own.wake();
    if own.broken.get().is_none() {
        connection.deliver(1 - side, None);
    }
}

impl Stream for SimStream {
    fn read(&self, mut into: BytesMut) -> impl Future<Output = (io::Result<usize>, BytesMut)> {
        let stream = self.clone();
        async move {
            let Holder { connection, side } = &*stream.0;
            let own = &connection.sides[*side];
            let read = poll_fn(|context| {
                if let Some(kind) = own.broken.get() {
                    return Poll::Ready(Err(kind.into()));
                }
                if own.closed.get() {
                    return Poll::Ready(Err(io::ErrorKind::NotConnected.into()));
                }
                let available = own.arrived_bytes.get();
                if available == 0 {
                    if own.ended.get() {
                        return Poll::Ready(Ok(0));
                    }
                    *own.reader.borrow_mut() = Some(context.waker().clone());
                    return Poll::Pending;
                }
                let most = connection.simulation.draw(|random| match random.below(4) {
                    0 => random.between(1, available as u64) as usize,
                    _ => available,
                });
                Poll::Ready(Ok(own.take(most, &mut into)))
            })
            .await;
            // There is room again for the other side's bytes.
            if let Some(waker) = own.room.take() {
                waker.wake();
            }
            (read, into)
        }
    }

    fn hung_up(&self) -> impl Future<Output = ()> {
        let stream = self.clone();
        async move {
            let Holder { connection, side } = &*stream.0;
            let own = &connection.sides[*side];
            poll_fn(|context| {
                if own.ended.get() || own.closed.get() || own.broken.get().is_some() {
                    return Poll::Ready(());
                }
                *own.end.borrow_mut() = Some(context.waker().clone());
                Poll::Pending
            })
            .await;
        }
    }

    fn write(&self, parts: impl Into<Parts>) -> impl Future<Output = io::Result<()>> {
        let (stream, parts) = (self.clone(), parts.into());
        async move {
            let Holder { connection, side } = &*stream.0;
            let (own, to) = (&connection.sides[*side], &connection.sides[1 - side]);
            for mut part in parts {
                while part.has_remaining() {
                    let room = poll_fn(|context| {
                        if let Some(kind) = own.broken.get() {
                            return Poll::Ready(Err(io::Error::from(kind)));
                        }
                        if own.closed.get() {
                            return Poll::Ready(Err(io::ErrorKind::NotConnected.into()));
                        }
                        let held = to.arrived_bytes.get() + to.on_the_way_bytes.get();
                        if held < WINDOW_BYTES {
                            return Poll::Ready(Ok(WINDOW_BYTES - held));
                        }
                        // Wakes on both: room over there, and the end of this side.
                        *to.room.borrow_mut() = Some(context.waker().clone());
                        *own.writer.borrow_mut() = Some(context.waker().clone());
                        Poll::Pending
                    })
                    .await?;
                    let most = part.len().min(room);
                    let len = connection.simulation.draw(|random| match random.below(8) {
                        0 => random.between(1, most as u64) as usize,
                        _ => most,
                    });
                    connection.deliver(1 - side, Some(part.split_to(len)));
                }
            }
            Ok(())
        }
    }

    fn shutdown(&self) {
        close(&self.0.connection, self.0.side);
    }
}

impl Side {
    fn take(&self, most: usize, into: &mut BytesMut) -> usize {
        let mut arrived = self.arrived.borrow_mut();
        let mut taken = 0;
        while taken < most {
            let Some(first) = arrived.front_mut() else { break };
            let piece = first.split_to(first.len().min(most - taken));
            taken += piece.len();
            into.extend_from_slice(&piece);
            if first.is_empty() {
                arrived.pop_front();
            }
        }
        self.arrived_bytes.set(self.arrived_bytes.get() - taken);
        taken
    }
}

impl Listener for SimListener {
    type Stream = SimStream;

    fn accept(&self) -> impl Future<Output = io::Result<(SimStream, SocketAddr)>> {
        let state = self.state.clone();
        poll_fn(move |context| match state.waiting.borrow_mut().pop_front() {
            Some(accepted) => Poll::Ready(Ok(accepted)),
            None => {
                *state.waker.borrow_mut() = Some(context.waker().clone());
                Poll::Pending
            }
        })
    }

    fn local_address(&self) -> SocketAddr {
        self.address
    }
}
