//! The system calls on sockets that never wait.
#![allow(unsafe_code)]

use std::{
    io, mem,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6},
    os::fd::{AsRawFd, FromRawFd, OwnedFd},
};

/// Connections that the kernel completes before we accept them; capped by `net.core.somaxconn`.
const BACKLOG: i32 = 4096;

/// A socket that listens on `address` next to those of the other cores.
pub(super) fn listen(address: SocketAddr) -> io::Result<OwnedFd> {
    let socket = bind(address, true)?;
    // SAFETY: a plain call on a descriptor that we own.
    check(unsafe { libc::listen(socket.as_raw_fd(), BACKLOG) })?;
    Ok(socket)
}

/// A bound socket; `shared` lets others of the same user bind the address too. As in the JVM, `[::]` takes IPv4 too, whatever the
/// host's default is.
pub(in crate::runtime) fn bind(address: SocketAddr, shared: bool) -> io::Result<OwnedFd> {
    bind_families(address, shared, false)
}

/// A socket that listens on `address` and shares it with nobody; `[::]` leaves IPv4 to who listens there.
pub(in crate::runtime) fn listen_alone(address: SocketAddr) -> io::Result<OwnedFd> {
    let socket = bind_families(address, false, true)?;
    listen_on(&socket)?;
    Ok(socket)
}

fn bind_families(address: SocketAddr, shared: bool, v6_only: bool) -> io::Result<OwnedFd> {
    let family = match address {
        SocketAddr::V4(_) => libc::AF_INET,
        SocketAddr::V6(_) => libc::AF_INET6,
    };
    // SAFETY: a plain call; a result that is not negative is a descriptor that is ours.
    let socket = unsafe {
        let socket = check(libc::socket(family, libc::SOCK_STREAM | libc::SOCK_CLOEXEC, 0))?;
        OwnedFd::from_raw_fd(socket)
    };
    set_option(&socket, libc::SOL_SOCKET, libc::SO_REUSEADDR, 1)?;
    if shared {
        set_option(&socket, libc::SOL_SOCKET, libc::SO_REUSEPORT, 1)?;
    }
    if address.is_ipv6() {
        set_option(&socket, libc::IPPROTO_IPV6, libc::IPV6_V6ONLY, i32::from(v6_only))?;
    }
    let (raw, len) = to_raw(address);
    // SAFETY: `raw` is a live socket address of at least `len` bytes.
    check(unsafe { libc::bind(socket.as_raw_fd(), (&raw const raw).cast(), len) })?;
    Ok(socket)
}

pub(in crate::runtime) fn listen_on(socket: &OwnedFd) -> io::Result<()> {
    // SAFETY: a plain call on a descriptor that is borrowed.
    check(unsafe { libc::listen(socket.as_raw_fd(), BACKLOG) }).map(drop)
}

/// As Kafka's acceptor sets up a connection (`SocketServer`): answers leave at once, dead peers are found in the end.
pub(super) fn set_up(socket: &OwnedFd) -> io::Result<()> {
    set_option(socket, libc::IPPROTO_TCP, libc::TCP_NODELAY, 1)?;
    set_option(socket, libc::SOL_SOCKET, libc::SO_KEEPALIVE, 1)
}

/// Stops both directions; an error means that they are stopped already.
pub(super) fn shutdown(socket: &OwnedFd) {
    // SAFETY: a plain call on a descriptor that is borrowed.
    unsafe { libc::shutdown(socket.as_raw_fd(), libc::SHUT_RDWR) };
}

pub(in crate::runtime) fn local_address(socket: &OwnedFd) -> io::Result<SocketAddr> {
    address_by(socket, libc::getsockname)
}

pub(super) fn peer_address(socket: &OwnedFd) -> io::Result<SocketAddr> {
    address_by(socket, libc::getpeername)
}

type AddressCall = unsafe extern "C" fn(libc::c_int, *mut libc::sockaddr, *mut libc::socklen_t) -> libc::c_int;

fn address_by(socket: &OwnedFd, call: AddressCall) -> io::Result<SocketAddr> {
    // SAFETY: all zeroes is a valid sockaddr_storage; the call gets its true size and writes at most that.
    let raw = unsafe {
        let mut raw: libc::sockaddr_storage = mem::zeroed();
        let mut len = size_of_val(&raw) as libc::socklen_t;
        check(call(socket.as_raw_fd(), (&raw mut raw).cast(), &mut len))?;
        raw
    };
    from_raw(&raw).ok_or_else(|| io::Error::other("not an IP socket"))
}

fn set_option(socket: &OwnedFd, level: i32, name: i32, value: i32) -> io::Result<()> {
    // SAFETY: the value is a live int and its size is given.
    check(unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            name,
            (&raw const value).cast(),
            size_of_val(&value) as libc::socklen_t,
        )
    })
    .map(drop)
}

fn to_raw(address: SocketAddr) -> (libc::sockaddr_storage, libc::socklen_t) {
    // SAFETY: all zeroes is a valid sockaddr_storage, and it is large and aligned enough for both kinds of address.
    unsafe {
        let mut raw: libc::sockaddr_storage = mem::zeroed();
        let len = match address {
            SocketAddr::V4(address) => {
                let place = &mut *(&raw mut raw).cast::<libc::sockaddr_in>();
                place.sin_family = libc::AF_INET as libc::sa_family_t;
                place.sin_port = address.port().to_be();
                place.sin_addr.s_addr = u32::from_ne_bytes(address.ip().octets());
                size_of::<libc::sockaddr_in>()
            }
            SocketAddr::V6(address) => {
                let place = &mut *(&raw mut raw).cast::<libc::sockaddr_in6>();
                place.sin6_family = libc::AF_INET6 as libc::sa_family_t;
                place.sin6_port = address.port().to_be();
                place.sin6_addr.s6_addr = address.ip().octets();
                place.sin6_flowinfo = address.flowinfo();
                place.sin6_scope_id = address.scope_id();
                size_of::<libc::sockaddr_in6>()
            }
        };
        (raw, len as libc::socklen_t)
    }
}

fn from_raw(raw: &libc::sockaddr_storage) -> Option<SocketAddr> {
    match i32::from(raw.ss_family) {
        libc::AF_INET => {
            // SAFETY: the family says so, and the storage is large and aligned enough.
            let place = unsafe { &*(&raw const *raw).cast::<libc::sockaddr_in>() };
            let ip = Ipv4Addr::from(place.sin_addr.s_addr.to_ne_bytes());
            Some(SocketAddrV4::new(ip, u16::from_be(place.sin_port)).into())
        }
        libc::AF_INET6 => {
            // SAFETY: as above.
            let place = unsafe { &*(&raw const *raw).cast::<libc::sockaddr_in6>() };
            let ip = Ipv6Addr::from(place.sin6_addr.s6_addr);
            let port = u16::from_be(place.sin6_port);
            Some(SocketAddrV6::new(ip, port, place.sin6_flowinfo, place.sin6_scope_id).into())
        }
        _ => None,
    }
}

fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}
