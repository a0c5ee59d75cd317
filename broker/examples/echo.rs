//! A server that answers with what it got: the runtime without a broker, to be measured and to be maltreated.
//!
//! With `--hop` every answer goes through the next core, with `--durable` every answer waits for a block on the disk.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    future::poll_fn,
    net::SocketAddr,
    path::PathBuf,
    process::ExitCode,
    rc::Rc,
    task::{Poll, Waker},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use clap::Parser;
use corelane_broker::runtime::{
    GlommioWorld, Options, RingFile, RingStream,
    host::PortClaim,
    start,
    world::{Listener, Stream, World},
};
use corelane_storage::disk::{BLOCK, Class, Disk, DiskFile, Open, Sync, aligned_zeroed};

#[derive(Clone, Parser)]
struct Arguments {
    #[arg(long)]
    dir: PathBuf,
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    #[arg(long, default_value_t = 0)]
    cores: usize,
    /// Microseconds that a core without work looks for some.
    #[arg(long, default_value_t = 0)]
    spin_us: u64,
    #[arg(long)]
    hop: bool,
    #[arg(long)]
    durable: bool,
}

enum Message {
    Ask(u64, Bytes),
    Answer(u64, Bytes),
}

type Waiting = Rc<RefCell<BTreeMap<u64, (Option<Bytes>, Option<Waker>)>>>;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let claim = match PortClaim::take(arguments.listen) {
        Ok(claim) => claim,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    let mut options = Options::new(&arguments.dir);
    options.cores = arguments.cores;
    options.spin = Duration::from_micros(arguments.spin_us);
    let address = claim.address();
    let node = move |world| run(world, arguments.clone(), address);
    match start(options, node) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(world: GlommioWorld<Message>, arguments: Arguments, address: SocketAddr) {
    let listener = match world.listen(address) {
        Ok(listener) => listener,
        Err(error) => world.fail_stop(&format!("cannot listen on {address}: {error}")),
    };
    println!("core {} listens on {address}", world.core());
    let waiting = Waiting::default();
    world.spawn("mailbox", mailbox(world.clone(), waiting.clone()));
    let file = if arguments.durable {
        Some(open(&world).await.expect("a file for this core"))
    } else {
        None
    };
    let accepting = world.clone();
    world.spawn("accept", async move {
        while let Ok((stream, _)) = listener.accept().await {
            let hop = arguments.hop.then(|| waiting.clone());
            accepting.spawn("connection", connection(accepting.clone(), stream, hop, file.clone()));
        }
    });
    world.stopped().await;
}

async fn open(world: &GlommioWorld<Message>) -> std::io::Result<RingFile> {
    let name = format!("core-{}", world.core());
    let disk = world.disk();
    let file = match disk.open(&name, Open::New, Class::Journal).await {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            disk.open(&name, Open::Existing, Class::Journal).await?
        }
        other => other?,
    };
    file.allocate(0, 1 << 20).await?;
    Ok(file)
}

async fn mailbox(world: GlommioWorld<Message>, waiting: Waiting) {
    loop {
        match world.receive().await {
            (sender, Message::Ask(id, bytes)) => world.send(sender, Message::Answer(id, bytes)),
            (_, Message::Answer(id, bytes)) => {
                let waker = waiting.borrow_mut().get_mut(&id).and_then(|place| {
                    place.0 = Some(bytes);
                    place.1.take()
                });
                if let Some(waker) = waker {
                    waker.wake();
                }
            }
        }
    }
}

async fn connection(world: GlommioWorld<Message>, stream: RingStream, hop: Option<Waiting>, file: Option<RingFile>) {
    let block = Bytes::from_owner(aligned_zeroed(BLOCK));
    let mut id = world.random();
    loop {
        let (result, bytes) = stream.read(BytesMut::new()).await;
        if !matches!(result, Ok(1..)) {
            return;
        }
        let mut bytes = bytes.freeze();
        if let Some(waiting) = &hop {
            id = id.wrapping_add(1);
            bytes = ask(&world, waiting, id, bytes).await;
        }
        if let Some(file) = &file {
            let position = world.random() % 256 * BLOCK as u64;
            if let Err(error) = file.write_at(position, block.clone(), Sync::Data).await {
                world.fail_stop(&format!("the disk: {error}"));
            }
        }
        if stream.write(vec![bytes]).await.is_err() {
            return;
        }
    }
}

async fn ask(world: &GlommioWorld<Message>, waiting: &Waiting, id: u64, bytes: Bytes) -> Bytes {
    waiting.borrow_mut().insert(id, (None, None));
    world.send((world.core() + 1) % world.cores(), Message::Ask(id, bytes));
    poll_fn(|context| {
        let mut waiting = waiting.borrow_mut();
        let place = waiting.get_mut(&id).expect("inserted above");
        match place.0.take() {
            Some(bytes) => {
                waiting.remove(&id);
                Poll::Ready(bytes)
            }
            None => {
                place.1 = Some(context.waker().clone());
                Poll::Pending
            }
        }
    })
    .await
}
