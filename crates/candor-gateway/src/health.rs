//! Active checks: each upstream is asked at intervals whether it is well.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Weak};
use std::time::Duration;

use crate::call::Call;
use crate::connect::connect;
use crate::gateway::Gateway;
use crate::settings::{Health, Settings};
use crate::upstream::Upstream;

/// Checks until the gateway is gone.
pub(crate) async fn watch(gateway: Weak<Gateway>, health: Health) {
    loop {
        {
            let Some(gateway) = gateway.upgrade() else { return };
            let settings = gateway.settings();
            for upstream in gateway.upstreams() {
                let well = is_well(upstream, settings, &health).await;
                if well && upstream.unwell.swap(false, Relaxed) {
                    upstream.did_well();
                } else if !well {
                    upstream.unwell.store(true, Relaxed);
                }
            }
        }
        tokio::time::sleep(health.every.max(Duration::from_millis(50))).await;
    }
}

async fn is_well(upstream: &Arc<Upstream>, settings: &Settings, health: &Health) -> bool {
    let Ok(link) = connect(upstream, settings.connect_timeout).await else { return false };
    let request = format!(
        "GET {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: candor\r\nConnection: close\r\n\r\n",
        health.path, upstream.authority
    );
    let mut call = Call::new(link, request.into_bytes(), None, false, false);
    call.answer(false, settings.response_timeout).await.is_ok_and(|head| head.status < 400)
}
