//! Where a broker listens, and what it tells clients to connect to.
//!
//! An address that cannot be dialled (`0.0.0.0`, `::`) may be bound but is never advertised: clients would take it
//! literally and fail far away from the cause.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// One endpoint of `listeners`, with what `advertised.listeners` says for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenerConfig {
    pub name: String,
    /// As written; empty means every address of this host.
    pub host: String,
    /// 0 lets the system choose.
    pub port: u16,
    pub advertised_host: String,
    /// 0 stands for the port that was bound.
    pub advertised_port: u16,
}

/// One address to bind for a listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bind {
    /// If not `required`, a host without that address family (IPv6 switched off) is no error.
    Ip { address: SocketAddr, required: bool },
    /// A name that must be looked up.
    Name { host: String, port: u16 },
}

impl ListenerConfig {
    pub fn binds(&self) -> Vec<Bind> {
        let pair = |v4: Ipv4Addr, v6: Ipv6Addr| {
            vec![
                Bind::Ip {
                    address: SocketAddr::new(IpAddr::V4(v4), self.port),
                    required: true,
                },
                Bind::Ip {
                    address: SocketAddr::new(IpAddr::V6(v6), self.port),
                    required: false,
                },
            ]
        };
        if self.host.is_empty() {
            return pair(Ipv4Addr::UNSPECIFIED, Ipv6Addr::UNSPECIFIED);
        }
        if self.host.eq_ignore_ascii_case("localhost") {
            return pair(Ipv4Addr::LOCALHOST, Ipv6Addr::LOCALHOST);
        }
        match self.host.parse() {
            Ok(ip) => vec![Bind::Ip {
                address: SocketAddr::new(ip, self.port),
                required: true,
            }],
            Err(_) => vec![Bind::Name {
                host: self.host.clone(),
                port: self.port,
            }],
        }
    }
}

/// Joins the listener keys. `controllers` are the names in `controller.listener.names`, which nobody serves here: the
/// metadata quorum speaks over the broker's own links.
pub fn listeners(
    listeners: &str,
    advertised: Option<&str>,
    protocols: Option<&str>,
    controllers: &[String],
    hostname: &str,
) -> Result<Vec<ListenerConfig>, String> {
    let is_broker = |endpoint: &Endpoint| !controllers.iter().any(|name| name.eq_ignore_ascii_case(&endpoint.name));
    let bound: Vec<Endpoint> = endpoints(listeners)
        .map_err(|wrong| format!("listeners: {wrong}"))?
        .into_iter()
        .filter(is_broker)
        .collect();
    if bound.is_empty() {
        return Err(
            "listeners: names no listener for clients; for example listeners=PLAINTEXT://localhost:9092".into(),
        );
    }
    let advertised: Vec<Endpoint> = endpoints(advertised.unwrap_or(""))
        .map_err(|wrong| format!("advertised.listeners: {wrong}"))?
        .into_iter()
        .filter(is_broker)
        .collect();
    if let Some(stray) = advertised
        .iter()
        .find(|endpoint| !bound.iter().any(|bound| bound.name == endpoint.name))
    {
        return Err(format!("advertised.listeners: '{}' is not among listeners", stray.name));
    }
    let protocols = protocol_map(protocols.unwrap_or(""))?;
    let mut configs: Vec<ListenerConfig> = Vec::new();
    for endpoint in bound {
        let protocol = protocols
            .iter()
            .find(|(name, _)| *name == endpoint.name)
            .map_or(endpoint.name.as_str(), |(_, p)| p);
        if protocol != "PLAINTEXT" {
            return Err(format!(
                "listeners: '{}' speaks {protocol}; only PLAINTEXT is served yet (see listener.security.protocol.map)",
                endpoint.name
            ));
        }
        if configs.iter().any(|before| before.name == endpoint.name) {
            return Err(format!("listeners: '{}' stands there twice", endpoint.name));
        }
        if endpoint.port != 0
            && configs
                .iter()
                .any(|before| before.port == endpoint.port && before.host == endpoint.host)
        {
            return Err(format!("listeners: port {} stands there twice", endpoint.port));
        }
        let told = advertised.iter().find(|told| told.name == endpoint.name);
        let (advertised_host, advertised_port) = match told {
            Some(told) => (told.host.clone(), told.port),
            None if endpoint.host.is_empty() => (hostname.to_string(), endpoint.port),
            None => (endpoint.host.clone(), endpoint.port),
        };
        if advertised_host.is_empty() || advertised_host.parse().is_ok_and(|ip: IpAddr| ip.is_unspecified()) {
            return Err(format!(
                "advertised.listeners: clients cannot connect to '{advertised_host}'; say what they should use, for \
                 example advertised.listeners={}://{}:{}",
                endpoint.name,
                if hostname.is_empty() {
                    "broker.example.com"
                } else {
                    hostname
                },
                endpoint.port
            ));
        }
        let Endpoint { name, host, port } = endpoint;
        configs.push(ListenerConfig {
            name,
            host,
            port,
            advertised_host,
            advertised_port,
        });
    }
    Ok(configs)
}

/// `metrics.listeners`: the same form, but they speak HTTP, and are advertised to nobody.
pub fn metrics_listeners(text: &str) -> Result<Vec<ListenerConfig>, String> {
    let wrong =
        |wrong: String| format!("metrics.listeners: {wrong}; for example metrics.listeners=HTTP://localhost:9644");
    let mut configs: Vec<ListenerConfig> = Vec::new();
    for Endpoint { name, host, port } in endpoints(text).map_err(wrong)? {
        if name != "HTTP" {
            return Err(wrong(format!("'{name}' is not served, only HTTP is")));
        }
        if configs.iter().any(|before| before.port == port && before.host == host) {
            return Err(wrong(format!("{host}:{port} stands there twice")));
        }
        configs.push(ListenerConfig {
            advertised_host: String::new(),
            advertised_port: port,
            name,
            host,
            port,
        });
    }
    Ok(configs)
}

struct Endpoint {
    name: String,
    host: String,
    port: u16,
}

fn endpoints(text: &str) -> Result<Vec<Endpoint>, String> {
    let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
    items
        .map(|item| endpoint(item).ok_or_else(|| format!("'{item}' must be NAME://host:port; IPv6 in [brackets]")))
        .collect()
}

fn endpoint(item: &str) -> Option<Endpoint> {
    let (name, address) = item.split_once("://")?;
    let (host, port) = address.rsplit_once(':')?;
    let name_ok = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    let host = match host.strip_prefix('[') {
        Some(bracketed) => bracketed
            .strip_suffix(']')
            .filter(|host| host.parse::<Ipv6Addr>().is_ok())?,
        None => Some(host).filter(|host| !host.contains([':', '/', ' ', '[', ']']))?,
    };
    Some(Endpoint {
        name: Some(name).filter(|_| name_ok)?.to_ascii_uppercase(),
        host: host.to_string(),
        port: port.parse().ok()?,
    })
}

fn protocol_map(text: &str) -> Result<Vec<(String, String)>, String> {
    let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
    items
        .map(|item| {
            let (name, protocol) = item
                .split_once(':')
                .ok_or_else(|| format!("listener.security.protocol.map: '{item}' must be NAME:PROTOCOL"))?;
            let protocol = protocol.to_ascii_uppercase();
            if !["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"].contains(&protocol.as_str()) {
                return Err(format!(
                    "listener.security.protocol.map: there is no protocol '{protocol}'"
                ));
            }
            Ok((name.to_ascii_uppercase(), protocol))
        })
        .collect()
}
