//! A small server in this process, and a directory of its own that goes with the test.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
};

use corelane_broker::runtime::{
    GlommioWorld, Options, RingStream,
    host::PortClaim,
    start,
    world::{Listener, World},
};

/// An empty directory, removed at the end.
pub struct Scratch(PathBuf);

impl Scratch {
    pub fn new() -> Scratch {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let name = format!(
            "corelane-runtime-{}-{}",
            std::process::id(),
            NEXT.fetch_add(1, Ordering::Relaxed)
        );
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&path).unwrap();
        Scratch(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub fn any_port() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

pub fn options(scratch: &Scratch, cores: usize) -> Options {
    let mut options = Options::new(scratch.path());
    options.cores = cores;
    options.signals = false;
    options
}

/// Runs `cores` cores that serve each connection with `serve`; `clients` runs beside them and ends them.
pub fn with_server<Serve, Served>(cores: usize, serve: Serve, clients: impl FnOnce(SocketAddr))
where
    Serve: Fn(GlommioWorld<()>, RingStream) -> Served + Clone + Send + 'static,
    Served: Future<Output = ()> + 'static,
{
    let scratch = Scratch::new();
    let claim = PortClaim::take(any_port()).unwrap();
    let address = claim.address();
    let options = options(&scratch, cores);
    let (ready, all_ready) = mpsc::channel();
    let server = thread::spawn(move || {
        start(options, move |world: GlommioWorld<()>| {
            let (serve, ready) = (serve.clone(), ready.clone());
            async move {
                let listener = world.listen(address).unwrap();
                ready.send(world.stopper()).unwrap();
                let accepting = world.clone();
                world.spawn("accept", async move {
                    loop {
                        let (stream, _) = listener.accept().await.unwrap();
                        accepting.spawn("connection", serve(accepting.clone(), stream));
                    }
                });
                world.stopped().await;
            }
        })
    });
    let stoppers: Vec<_> = (0..cores).map(|_| all_ready.recv().unwrap()).collect();
    clients(address);
    stoppers[0].stop();
    server.join().unwrap().unwrap();
}
