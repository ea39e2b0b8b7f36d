//! `Proxy-Status` (RFC 9209): what went wrong between a gateway and the next server.
//!
//! Grammar: a structured-field list of names with parameters. Example:
//! `candor; error=connection_timeout; next-hop="backend-1"`. Only a gateway writes it (section 2).

use std::fmt;

use super::structured;

macro_rules! error_types {
    ($($(#[$doc:meta])* $name:ident = $token:literal $code:literal,)*) => {
        /// An error type (section 2.3). Named after its token.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum ErrorType { $($(#[$doc])* $name,)* }

        impl ErrorType {
            /// Every error type candor tells apart.
            pub const ALL: &'static [ErrorType] = &[$(ErrorType::$name,)*];

            /// The token of the `error` parameter.
            pub const fn token(self) -> &'static str {
                match self { $(ErrorType::$name => $token,)* }
            }

            /// The status code that section 2.3 recommends for it.
            pub const fn recommended(self) -> u16 {
                match self { $(ErrorType::$name => $code,)* }
            }
        }
    };
}

error_types! {
    /// No answer about the name in time.
    DnsTimeout = "dns_timeout" 504,
    /// The name does not resolve.
    DnsError = "dns_error" 502,
    /// The gateway does not know where to send it.
    DestinationNotFound = "destination_not_found" 500,
    /// The gateway holds the next server to be down and did not ask.
    DestinationUnavailable = "destination_unavailable" 503,
    /// No way leads to its address.
    DestinationIpUnroutable = "destination_ip_unroutable" 502,
    /// The next server does not take connections.
    ConnectionRefused = "connection_refused" 502,
    /// It closed the connection before a whole answer head came.
    ConnectionTerminated = "connection_terminated" 502,
    /// No connection in time.
    ConnectionTimeout = "connection_timeout" 504,
    /// Nothing could be read for too long.
    ConnectionReadTimeout = "connection_read_timeout" 504,
    /// Nothing could be written for too long.
    ConnectionWriteTimeout = "connection_write_timeout" 504,
    /// As many connections to it as the gateway allows.
    ConnectionLimitReached = "connection_limit_reached" 503,
    /// TLS failed.
    TlsProtocolError = "tls_protocol_error" 502,
    /// Its certificate cannot be trusted.
    TlsCertificateError = "tls_certificate_error" 502,
    /// It sent a TLS alert.
    TlsAlertReceived = "tls_alert_received" 502,
    /// Its answer broke off.
    HttpResponseIncomplete = "http_response_incomplete" 502,
    /// Its answer head is too large.
    HttpResponseHeaderSectionSize = "http_response_header_section_size" 502,
    /// Its transfer coding cannot be undone.
    HttpResponseTransferCoding = "http_response_transfer_coding" 502,
    /// Its answer was not complete in time.
    HttpResponseTimeout = "http_response_timeout" 504,
    /// Its answer is not HTTP, in a way that has no type of its own.
    HttpProtocolError = "http_protocol_error" 502,
    /// It did not agree to an upgrade that it had to agree to, or the other way round.
    HttpUpgradeFailed = "http_upgrade_failed" 502,
    /// The gateway is not set up for what the next server wants.
    ProxyConfigurationError = "proxy_configuration_error" 500,
    /// The request has been here before.
    ProxyLoopDetected = "proxy_loop_detected" 502,
}

/// One member: what this gateway has to say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProxyStatus {
    /// The gateway's name.
    pub name: String,
    /// What went wrong (section 2.1.1).
    pub error: Option<ErrorType>,
    /// Who was asked, by a name that gives nothing away (section 2.1.2).
    pub next_hop: Option<String>,
    /// The status code of the next server, where another one is sent (section 2.1.4).
    pub received_status: Option<u16>,
    /// More, for people (section 2.1.5).
    pub details: Option<String>,
}

/// The member of the field value.
///
/// ```
/// use candor_semantics::field::proxy_status::{ErrorType, ProxyStatus};
/// let status = ProxyStatus {
///     name: "candor".to_owned(),
///     error: Some(ErrorType::ConnectionRefused),
///     next_hop: Some("backend 1".to_owned()),
///     ..ProxyStatus::default()
/// };
/// assert_eq!(status.to_string(), "candor; error=connection_refused; next-hop=\"backend 1\"");
/// ```
impl fmt::Display for ProxyStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        structured::write_name(f, &self.name)?;
        if let Some(error) = self.error {
            write!(f, "; error={}", error.token())?;
        }
        if let Some(next_hop) = &self.next_hop {
            f.write_str("; next-hop=")?;
            structured::write_name(f, next_hop)?;
        }
        if let Some(status) = self.received_status {
            write!(f, "; received-status={status}")?;
        }
        if let Some(details) = &self.details {
            f.write_str("; details=")?;
            structured::write_string(f, details)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members() {
        let full = ProxyStatus {
            name: "my proxy".to_owned(),
            error: Some(ErrorType::HttpProtocolError),
            next_hop: Some("b1".to_owned()),
            received_status: Some(407),
            details: Some("bad \"head\"\r\n\u{e4}".to_owned()),
        };
        assert_eq!(
            full.to_string(),
            r#""my proxy"; error=http_protocol_error; next-hop=b1; received-status=407; details="bad \"head\"""#
        );
    }

    #[test]
    fn codes_are_those_of_gateways() {
        for error in ErrorType::ALL {
            assert!(matches!(error.recommended(), 500 | 502 | 503 | 504), "{error:?}");
            assert!(error.token().bytes().all(|b| b.is_ascii_lowercase() || b == b'_'));
            assert_eq!(error.token().ends_with("timeout"), error.recommended() == 504, "{error:?}");
        }
    }
}
