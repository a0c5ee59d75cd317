//! Goal: the simulated world keeps the promises that `World` makes, breaks everything that it does not promise, and
//! does the same again for the same seed. The nodes here are toys.

use std::{
    cell::{Cell, RefCell},
    io,
    net::SocketAddr,
    rc::Rc,
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use corelane_broker::runtime::world::{Listener, Stream, World};
use corelane_sim::{CrashKind, SimNode, SimWorld, Simulation, network::SimStream};
use corelane_storage::disk::{BLOCK, Class, Disk, DiskFile, Open, Sync, aligned_zeroed};

const PORT: u16 = 9092;

fn address() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], PORT))
}

/// Whatever arrives goes to the other core and from there back to the client.
async fn echo_over_two_cores(world: SimWorld<(u64, Bytes)>) {
    if world.core() == 1 {
        loop {
            let (from, message) = world.receive().await;
            world.send(from, message);
        }
    }
    let streams: Rc<RefCell<Vec<SimStream>>> = Rc::default();
    let (inbox, replies) = (world.clone(), streams.clone());
    world.spawn("replies", async move {
        loop {
            let (_, (stream, bytes)) = inbox.receive().await;
            let stream = replies.borrow()[stream as usize].clone();
            let _ = stream.write(vec![bytes]).await;
        }
    });
    let listener = world.listen(address()).unwrap();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let number = streams.borrow().len() as u64;
        streams.borrow_mut().push(stream.clone());
        let connection = world.clone();
        world.spawn("connection", async move {
            loop {
                let (read, bytes) = stream.read(BytesMut::new()).await;
                match read {
                    Ok(1..) => connection.send(1, (number, bytes.freeze())),
                    _ => return,
                }
            }
        });
    }
}

/// The worlds of the clients: one machine that never crashes.
fn clients(simulation: &Simulation) -> SimWorld<()> {
    let machine = simulation.machine("client".into(), 1);
    SimWorld::of_node(simulation, &machine, 0, 1, &corelane_storage::sim_disk::SimDisk::new()).remove(0)
}

async fn read_exactly(stream: &SimStream, len: usize) -> io::Result<Bytes> {
    let mut bytes = BytesMut::new();
    while bytes.len() < len {
        let (read, back) = stream.read(bytes).await;
        bytes = back;
        if read? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(bytes.freeze())
}

/// Three clients talk to the echo; gives the hash of all that happened, and how long it took.
fn echo_run(seed: u64) -> (u64, u64) {
    let simulation = Simulation::new(seed);
    let mut node = SimNode::new(&simulation, 1, 2);
    node.start(echo_over_two_cores);
    let world = clients(&simulation);
    let done = Rc::new(Cell::new(0));
    for client in 0..3u8 {
        let (simulation, world, done) = (simulation.clone(), world.clone(), done.clone());
        world.clone().spawn("client", async move {
            let stream = loop {
                match simulation.connect((world.machine.id, 0), 1, PORT).await {
                    Ok(stream) => break stream,
                    Err(_) => world.sleep(Duration::from_millis(1)).await,
                }
            };
            for round in 0..20usize {
                let sent: Bytes = vec![client ^ round as u8; 1 + round * 700].into();
                stream.write(vec![sent.slice(..1), sent.slice(1..)]).await.unwrap();
                assert_eq!(read_exactly(&stream, sent.len()).await.unwrap(), sent);
            }
            done.set(done.get() + 1);
        });
    }
    assert!(
        simulation.run_until(Duration::from_secs(60), || done.get() == 3),
        "all clients are served"
    );
    let result = (simulation.trace_hash(), simulation.now_ns());
    simulation.end();
    result
}

#[test]
fn same_seed_same_everything() {
    let hashes: Vec<_> = (0..20).map(echo_run).collect();
    for (seed, first) in hashes.iter().enumerate() {
        assert_eq!(*first, echo_run(seed as u64), "seed {seed}");
    }
    let different: std::collections::BTreeSet<_> = hashes.iter().map(|(hash, _)| hash).collect();
    assert_eq!(different.len(), hashes.len(), "each seed is another story");
}

/// One block with this byte everywhere.
fn block(byte: u8) -> Bytes {
    let mut buffer = aligned_zeroed(BLOCK);
    buffer.fill(byte);
    Bytes::from_owner(buffer)
}

/// Writes blocks one after the other and counts those that were acknowledged as durable.
async fn writer(world: SimWorld<()>, acknowledged: Rc<Cell<u8>>) {
    let disk = world.disk();
    let file = disk.open("file", Open::New, Class::Journal).await.unwrap();
    disk.sync_dir("").await.unwrap();
    for number in 1..=200u8 {
        file.write_at(u64::from(number - 1) * BLOCK as u64, block(number), Sync::Later)
            .await
            .unwrap();
        file.flush().await.unwrap();
        acknowledged.set(number);
    }
}

/// What the next life finds: the number of good blocks from the start on.
async fn reader(world: SimWorld<()>, found: Rc<Cell<Option<u8>>>) {
    let mut good = 0;
    if let Ok(file) = world.disk().open("file", Open::Existing, Class::Journal).await {
        loop {
            let (read, buffer) = file
                .read_at(u64::from(good) * BLOCK as u64, aligned_zeroed(BLOCK))
                .await;
            if read.unwrap() < BLOCK || buffer.iter().any(|byte| *byte != good + 1) {
                break;
            }
            good += 1;
        }
    }
    found.set(Some(good));
}

#[test]
fn what_was_flushed_outlives_every_crash() {
    let mut lost_last = 0;
    for seed in 0..300 {
        let simulation = Simulation::new(seed);
        let mut node = SimNode::new(&simulation, 1, 1);
        let acknowledged = Rc::new(Cell::new(0));
        node.start(|world| writer(world, acknowledged.clone()));
        let alive_ms = simulation.draw(|random| random.between(0, 30));
        simulation.run_for(Duration::from_millis(alive_ms));
        let kind =
            simulation.draw(|random| *random.pick(&[CrashKind::Kill, CrashKind::Power, CrashKind::PowerAndNothing]));
        node.crash(kind);
        let found = Rc::new(Cell::new(None));
        node.start(|world| reader(world, found.clone()));
        assert!(simulation.run_until(Duration::from_secs(10), || found.get().is_some()));
        let (found, acknowledged) = (found.get().unwrap(), acknowledged.get());
        assert!(
            found >= acknowledged,
            "seed {seed}: {acknowledged} acknowledged, {found} found after {kind:?}"
        );
        assert!(found <= acknowledged + 1, "seed {seed}: nothing that was not written");
        lost_last += u32::from(found == acknowledged);
        simulation.end();
    }
    assert!(
        (10..300).contains(&lost_last),
        "a block in flight is sometimes lost, sometimes not: {lost_last}"
    );
}

#[test]
fn a_node_that_ends_itself_is_gone_and_its_clients_learn_it() {
    let simulation = Simulation::new(7);
    let mut node: SimNode<()> = SimNode::new(&simulation, 1, 1);
    node.start(|world| async move {
        let listener = world.listen(address()).unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        let _held = stream.clone();
        stream.read(BytesMut::new()).await.0.unwrap();
        // Also when somebody catches it on the way.
        let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| world.fail_stop("the disk is gone")));
        assert!(caught.is_err());
        world.sleep(Duration::from_secs(1)).await;
        unreachable!("a failed node does nothing more");
    });
    let world = clients(&simulation);
    let told = Rc::new(Cell::new(None));
    let (client, answer) = (world.clone(), told.clone());
    world.spawn("client", async move {
        client.sleep(Duration::from_millis(1)).await;
        let stream = client
            .simulation
            .connect((client.machine.id, 0), 1, PORT)
            .await
            .unwrap();
        stream.write(vec![Bytes::from_static(b"x")]).await.unwrap();
        answer.set(Some(stream.read(BytesMut::new()).await.0.map_err(|error| error.kind())));
        // Nobody listens there now.
        let again = client.simulation.connect((client.machine.id, 0), 1, PORT).await;
        assert_eq!(
            again.err().map(|error| error.kind()),
            Some(io::ErrorKind::ConnectionRefused)
        );
    });
    simulation.run_for(Duration::from_secs(2));
    assert_eq!(told.get(), Some(Err(io::ErrorKind::ConnectionReset)));
    assert_eq!(node.failure().as_deref(), Some("the disk is gone"));
    assert!(!node.is_alive());
    simulation.end();
}

#[test]
fn a_writer_is_held_back_while_nobody_reads() {
    let simulation = Simulation::new(3);
    let mut node: SimNode<()> = SimNode::new(&simulation, 1, 1);
    let reads = Rc::new(Cell::new(false));
    let received = Rc::new(Cell::new(0));
    node.start(|world| {
        let (reads, received) = (reads.clone(), received.clone());
        async move {
            let listener = world.listen(address()).unwrap();
            let (stream, _) = listener.accept().await.unwrap();
            while !reads.get() {
                world.sleep(Duration::from_millis(1)).await;
            }
            while let (Ok(read @ 1..), _) = stream.read(BytesMut::new()).await {
                received.set(received.get() + read);
            }
        }
    });
    let world = clients(&simulation);
    let written = Rc::new(Cell::new(0));
    let (client, progress) = (world.clone(), written.clone());
    world.spawn("client", async move {
        client.sleep(Duration::from_millis(1)).await;
        let stream = client
            .simulation
            .connect((client.machine.id, 0), 1, PORT)
            .await
            .unwrap();
        for _ in 0..1000 {
            stream.write(vec![vec![0; 10_000].into()]).await.unwrap();
            progress.set(progress.get() + 10_000);
        }
    });
    simulation.run_for(Duration::from_secs(1));
    assert!(
        (100_000..300_000).contains(&written.get()),
        "{} written to one who does not read",
        written.get()
    );
    reads.set(true);
    simulation.run_for(Duration::from_secs(5));
    assert_eq!(
        (written.get(), received.get()),
        (10_000_000, 10_000_000),
        "and all of it arrives, then the end"
    );
    simulation.end();
}

#[test]
fn messages_keep_their_order_per_sender() {
    for seed in 0..20 {
        let simulation = Simulation::new(seed);
        let mut node: SimNode<u32> = SimNode::new(&simulation, 1, 3);
        let seen: Rc<RefCell<Vec<(usize, u32)>>> = Rc::default();
        node.start(|world| {
            let seen = seen.clone();
            async move {
                match world.core() {
                    0 => loop {
                        let message = world.receive().await;
                        seen.borrow_mut().push(message);
                    },
                    _ => {
                        for number in 0..50 {
                            world.send(0, number);
                            world.yield_now().await;
                        }
                    }
                }
            }
        });
        simulation.run_for(Duration::from_secs(1));
        let seen = seen.borrow();
        for sender in [1, 2] {
            let numbers: Vec<u32> = seen
                .iter()
                .filter(|(from, _)| *from == sender)
                .map(|(_, n)| *n)
                .collect();
            assert_eq!(numbers, (0..50).collect::<Vec<_>>(), "seed {seed}");
        }
        simulation.end();
    }
}

#[test]
fn connections_are_spread_over_the_cores_that_listen() {
    let simulation = Simulation::new(11);
    let mut node: SimNode<()> = SimNode::new(&simulation, 1, 2);
    let accepted = Rc::new([Cell::new(0), Cell::new(0)]);
    node.start(|world| {
        let accepted = accepted.clone();
        async move {
            let listener = world.listen(address()).unwrap();
            assert!(world.listen(address()).is_err(), "one listener per core");
            loop {
                listener.accept().await.unwrap();
                accepted[world.core()].set(accepted[world.core()].get() + 1);
            }
        }
    });
    let world = clients(&simulation);
    let client = world.clone();
    world.spawn("client", async move {
        client.sleep(Duration::from_millis(5)).await;
        for _ in 0..40 {
            client
                .simulation
                .connect((client.machine.id, 0), 1, PORT)
                .await
                .unwrap();
        }
    });
    simulation.run_for(Duration::from_secs(5));
    let (first, second) = (accepted[0].get(), accepted[1].get());
    assert!(first + second == 40 && first > 5 && second > 5, "{first} and {second}");
    simulation.end();
}
