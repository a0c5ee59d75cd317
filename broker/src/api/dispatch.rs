//! From a frame to an answer, once for all APIs: header, version check, decode, handler, encode.
//!
//! A body that cannot be decoded, an API or version that is not ours: the connection is closed with a log line that says
//! why, as Kafka does — except ApiVersions, whose unknown versions are answered in version 0 (KIP-511).

use std::rc::Rc;

use bytes::{Buf, Bytes};
use corelane_protocol::{api_key::ApiKey, header::RequestHeaderView, wire::Reader};

use super::{
    api_versions,
    context::{Client, Outcome, Progress, RequestContext, respond},
    table,
};
use crate::{
    core::{Core, Message},
    quota,
    runtime::world::World,
};

/// May this request begin before earlier ones of its connection are answered?
pub fn may_overlap(frame: &[u8]) -> bool {
    frame.starts_with(&ApiKey::PRODUCE.0.to_be_bytes())
}

/// Carries one request out.
pub async fn dispatch<W: World<Message = Message>>(
    core: Core<W>,
    client: Rc<Client>,
    mut frame: Bytes,
    progress: Progress,
) -> Outcome {
    let _under_way = core.request_begins();
    let mut reader = Reader::new(&frame);
    let header = match RequestHeaderView::read(&mut reader) {
        Ok(header) => header,
        Err(error) => return Outcome::Close(format!("a request header cannot be decoded: {error}")),
    };
    let request_bytes = frame.len();
    let header_bytes = request_bytes - reader.remaining();
    let context = RequestContext {
        api_key: header.api_key,
        api_version: header.api_version,
        correlation_id: header.correlation_id,
        client_id: client.id(header.client_id),
        request_bytes,
        peer: client.peer,
        progress,
    };
    let Some(api) = table::find(context.api_key) else {
        return Outcome::Close(format!("{} is not an API of this broker", context.api_key));
    };
    context.progress.set_api(api.key);
    if !api.versions.contains(&context.api_version) {
        if context.api_key == ApiKey::API_VERSIONS {
            let context = RequestContext {
                api_version: 0,
                ..context
            };
            return respond(&context, &api_versions::version_unknown(api));
        }
        return Outcome::Close(format!(
            "{} version {} is not supported; versions {} to {} are",
            context.api_key,
            context.api_version,
            api.versions.start(),
            api.versions.end()
        ));
    }
    frame.advance(header_bytes);
    if core.quotas().has(quota::Kind::Request) {
        return Box::pin(measured(core, context, frame)).await;
    }
    table::handle(core, context, frame).await
}

async fn measured<W: World<Message = Message>>(core: Core<W>, context: RequestContext, body: Bytes) -> Outcome {
    let work = table::handle(core.clone(), context.clone(), body);
    quota::host::measured(&core, &context, work).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::GlommioWorld;

    /// Goal: what is rare does not make every request large: each that is under way has so much memory.
    #[test]
    fn a_request_is_small() {
        fn size_of_future<F>(_: impl FnOnce(Core<GlommioWorld<Message>>, Rc<Client>, Bytes, Progress) -> F) -> usize {
            size_of::<F>()
        }
        let bytes = size_of_future(dispatch);
        assert!(bytes <= 2304, "{bytes} bytes");
    }
}
