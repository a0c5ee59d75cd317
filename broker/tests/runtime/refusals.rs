//! Goal: a host that cannot run a node says so, and says what to do.

use std::net::TcpListener;

use corelane_broker::runtime::{
    GlommioWorld, StartError,
    directory_lock::{DirectoryError, DirectoryLock},
    host::{HostError, PortClaim},
    start,
};

use crate::server::{Scratch, any_port, options, with_server};

#[test]
fn a_data_directory_has_one_owner() {
    let scratch = Scratch::new();
    let lock = DirectoryLock::take(scratch.path()).unwrap();
    let refused = start(options(&scratch, 1), |_: GlommioWorld<()>| async {}).unwrap_err();
    assert!(matches!(
        &refused,
        StartError::Host(HostError::Directory(DirectoryError::InUse { .. }))
    ));
    let expected = format!("another broker has it (process {})", std::process::id());
    assert!(refused.to_string().contains(&expected), "{refused}");
    DirectoryLock::look(scratch.path()).unwrap_err();
    drop(lock);
    DirectoryLock::look(scratch.path()).unwrap();
    start(options(&scratch, 1), |_: GlommioWorld<()>| async {}).unwrap();
}

#[test]
fn a_taken_port_is_refused_though_it_could_be_shared() {
    let taken = TcpListener::bind(any_port()).unwrap();
    let refused = PortClaim::take(taken.local_addr().unwrap()).unwrap_err();
    assert!(matches!(refused, HostError::PortInUse { .. }), "{refused}");

    // By another node, which shares its port among its cores.
    with_server(
        1,
        |_, _| async {},
        |address| {
            let refused = PortClaim::take(address).unwrap_err();
            assert!(matches!(refused, HostError::PortInUse { .. }), "{refused}");
        },
    );
}

#[test]
fn an_address_of_another_host_is_refused() {
    let refused = PortClaim::take("192.0.2.1:0".parse().unwrap()).unwrap_err();
    assert!(matches!(refused, HostError::Port { .. }), "{refused}");
}
