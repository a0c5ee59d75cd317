//! TLS, SASL, delegation tokens and authorisation, which are not built yet. What would open a door by being ignored is refused.

use crate::config::{
    key::{
        Check::*,
        Effect::{self, *},
        rows,
    },
    value::{Class, List, Password},
};

const NO_SECURITY_YET: Effect = Nothing("only PLAINTEXT listeners are served yet");

rows! {
    // Security, which is not built yet. What would open a door by being ignored is refused.
    String = "authorizer.class.name", "", Any, DefaultOnly("authorisation is not built yet; a broker that ignored it would let everybody in"), [], "Decides who may do what.";
    String = "super.users", "", Any, NO_SECURITY_YET, [], "Principals that may do everything.";
    bool = "allow.everyone.if.no.acl.found", "false", Any, NO_SECURITY_YET, [], "Whether no ACL means yes.";
    List = "sasl.enabled.mechanisms", "GSSAPI", Any, NO_SECURITY_YET, [], "SASL mechanisms served.";
    String = "sasl.mechanism.inter.broker.protocol", "GSSAPI", Any, NO_SECURITY_YET, [], "SASL mechanism between brokers.";
    Option<String> = "sasl.mechanism.controller.protocol", "", Any, NO_SECURITY_YET, [], "SASL mechanism towards controllers.";
    Option<Password> = "sasl.jaas.config", "", Any, NO_SECURITY_YET, [], "Credentials.";
    i64 = "connections.max.reauth.ms", "0", Any, NO_SECURITY_YET, [], "Milliseconds after which a client must prove itself again.";
    i32 = "connection.failed.authentication.delay.ms", "100", AtLeast(0), NO_SECURITY_YET, [], "Milliseconds before a failed login is answered.";
    String = "ssl.client.auth", "none", OneOf(&["none", "requested", "required"]), NO_SECURITY_YET, [], "Whether clients must show a certificate.";
    Option<String> = "ssl.keystore.location", "", Any, NO_SECURITY_YET, [], "Of TLS.";
    Option<String> = "ssl.keystore.type", "", Any, NO_SECURITY_YET, [], "Of TLS.";
    Option<String> = "ssl.truststore.location", "", Any, NO_SECURITY_YET, [], "Of TLS.";
    Option<String> = "ssl.truststore.type", "", Any, NO_SECURITY_YET, [], "Of TLS.";
    Option<String> = "ssl.endpoint.identification.algorithm", "", Any, NO_SECURITY_YET, [], "Of TLS.";
    Option<String> = "ssl.protocol", "", Any, NO_SECURITY_YET, [], "Of TLS.";
    Option<String> = "ssl.enabled.protocols", "", Any, NO_SECURITY_YET, [], "Of TLS.";
    Option<String> = "ssl.cipher.suites", "", Any, NO_SECURITY_YET, [], "Of TLS.";
    Option<String> = "ssl.principal.mapping.rules", "", Any, NO_SECURITY_YET, [], "Of TLS.";
    Option<Password> = "ssl.keystore.password", "", Any, NO_SECURITY_YET, [], "Of TLS.";
    Option<Password> = "ssl.key.password", "", Any, NO_SECURITY_YET, [], "Of TLS.";
    Option<Password> = "ssl.truststore.password", "", Any, NO_SECURITY_YET, [], "Of TLS.";
    Option<Password> = "ssl.keystore.key", "", Any, NO_SECURITY_YET, [], "Of TLS.";
    Option<Password> = "ssl.keystore.certificate.chain", "", Any, NO_SECURITY_YET, [], "Of TLS.";
    Option<Password> = "ssl.truststore.certificates", "", Any, NO_SECURITY_YET, [], "Of TLS.";
    Option<Class> = "principal.builder.class", "", Any, Nothing("Java classes cannot be loaded"), [], "Makes principals.";
    Option<Class> = "create.topic.policy.class.name", "", Any, DefaultOnly("Java classes cannot be loaded, and a policy that is ignored is none"), [], "Decides which topics may be created.";
    Option<Class> = "alter.config.policy.class.name", "", Any, DefaultOnly("Java classes cannot be loaded, and a policy that is ignored is none"), [], "Decides which configs may be altered.";
    i64 = "delegation.token.expiry.check.interval.ms", "3600000", Any, NO_SECURITY_YET, [], "Of delegation tokens.";
    i64 = "delegation.token.expiry.time.ms", "86400000", Any, NO_SECURITY_YET, [], "Of delegation tokens.";
    i64 = "delegation.token.max.lifetime.ms", "604800000", Any, NO_SECURITY_YET, [], "Of delegation tokens.";
    Option<Password> = "delegation.token.secret.key", "", Any, NO_SECURITY_YET, [], "Of delegation tokens.";
    Option<Class> = "sasl.client.callback.handler.class", "", Any, NO_SECURITY_YET, [], "Of SASL logins.";
    String = "sasl.kerberos.kinit.cmd", "/usr/bin/kinit", Any, NO_SECURITY_YET, [], "Of Kerberos logins.";
    i64 = "sasl.kerberos.min.time.before.relogin", "60000", Any, NO_SECURITY_YET, [], "Of Kerberos logins.";
    List = "sasl.kerberos.principal.to.local.rules", "DEFAULT", Any, NO_SECURITY_YET, [], "Of Kerberos logins.";
    Option<String> = "sasl.kerberos.service.name", "", Any, NO_SECURITY_YET, [], "Of Kerberos logins.";
    f64 = "sasl.kerberos.ticket.renew.jitter", "0.05", Any, NO_SECURITY_YET, [], "Of Kerberos logins.";
    f64 = "sasl.kerberos.ticket.renew.window.factor", "0.8", Any, NO_SECURITY_YET, [], "Of Kerberos logins.";
    Option<Class> = "sasl.login.callback.handler.class", "", Any, NO_SECURITY_YET, [], "Of SASL logins.";
    Option<Class> = "sasl.login.class", "", Any, NO_SECURITY_YET, [], "Of SASL logins.";
    Option<i32> = "sasl.login.connect.timeout.ms", "", Any, NO_SECURITY_YET, [], "Of SASL logins.";
    Option<i32> = "sasl.login.read.timeout.ms", "", Any, NO_SECURITY_YET, [], "Of SASL logins.";
    i16 = "sasl.login.refresh.buffer.seconds", "300", Any, NO_SECURITY_YET, [], "Of SASL logins.";
    i16 = "sasl.login.refresh.min.period.seconds", "60", Any, NO_SECURITY_YET, [], "Of SASL logins.";
    f64 = "sasl.login.refresh.window.factor", "0.8", Any, NO_SECURITY_YET, [], "Of SASL logins.";
    f64 = "sasl.login.refresh.window.jitter", "0.05", Any, NO_SECURITY_YET, [], "Of SASL logins.";
    i64 = "sasl.login.retry.backoff.max.ms", "10000", Any, NO_SECURITY_YET, [], "Of SASL logins.";
    i64 = "sasl.login.retry.backoff.ms", "100", Any, NO_SECURITY_YET, [], "Of SASL logins.";
    String = "sasl.oauthbearer.assertion.algorithm", "RS256", Any, NO_SECURITY_YET, [], "Of OAuth logins.";
    Option<String> = "sasl.oauthbearer.assertion.claim.aud", "", Any, NO_SECURITY_YET, [], "Of OAuth logins.";
    i32 = "sasl.oauthbearer.assertion.claim.exp.seconds", "300", Any, NO_SECURITY_YET, [], "Of OAuth logins.";
    Option<String> = "sasl.oauthbearer.assertion.claim.iss", "", Any, NO_SECURITY_YET, [], "Of OAuth logins.";
    bool = "sasl.oauthbearer.assertion.claim.jti.include", "false", Any, NO_SECURITY_YET, [], "Of OAuth logins.";
    i32 = "sasl.oauthbearer.assertion.claim.nbf.seconds", "60", Any, NO_SECURITY_YET, [], "Of OAuth logins.";
    Option<String> = "sasl.oauthbearer.assertion.claim.sub", "", Any, NO_SECURITY_YET, [], "Of OAuth logins.";
    Option<String> = "sasl.oauthbearer.assertion.file", "", Any, NO_SECURITY_YET, [], "Of OAuth logins.";
    Option<String> = "sasl.oauthbearer.assertion.private.key.file", "", Any, NO_SECURITY_YET, [], "Of OAuth logins.";
    Option<Password> = "sasl.oauthbearer.assertion.private.key.passphrase", "", Any, NO_SECURITY_YET, [], "Of OAuth logins.";
    Option<String> = "sasl.oauthbearer.assertion.template.file", "", Any, NO_SECURITY_YET, [], "Of OAuth logins.";
    Option<String> = "sasl.oauthbearer.client.credentials.client.id", "", Any, NO_SECURITY_YET, [], "Of OAuth logins.";
    Option<Password> = "sasl.oauthbearer.client.credentials.client.secret", "", Any, NO_SECURITY_YET, [], "Of OAuth logins.";
    i32 = "sasl.oauthbearer.clock.skew.seconds", "30", Any, NO_SECURITY_YET, [], "Of OAuth logins.";
    List = "sasl.oauthbearer.expected.audience", "", Any, NO_SECURITY_YET, [], "Of OAuth logins.";
    Option<String> = "sasl.oauthbearer.expected.issuer", "", Any, NO_SECURITY_YET, [], "Of OAuth logins.";
    i64 = "sasl.oauthbearer.jwks.endpoint.refresh.ms", "3600000", Any, NO_SECURITY_YET, [], "Of OAuth logins.";
    i64 = "sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms", "10000", Any, NO_SECURITY_YET, [], "Of OAuth logins.";
    i64 = "sasl.oauthbearer.jwks.endpoint.retry.backoff.ms", "100", Any, NO_SECURITY_YET, [], "Of OAuth logins.";
    Option<String> = "sasl.oauthbearer.jwks.endpoint.url", "", Any, NO_SECURITY_YET, [], "Of OAuth logins.";
    Class = "sasl.oauthbearer.jwt.retriever.class", "org.apache.kafka.common.security.oauthbearer.DefaultJwtRetriever", Any, NO_SECURITY_YET, [], "Of OAuth logins.";
    Class = "sasl.oauthbearer.jwt.validator.class", "org.apache.kafka.common.security.oauthbearer.DefaultJwtValidator", Any, NO_SECURITY_YET, [], "Of OAuth logins.";
    Option<String> = "sasl.oauthbearer.scope", "", Any, NO_SECURITY_YET, [], "Of OAuth logins.";
    String = "sasl.oauthbearer.scope.claim.name", "scope", Any, NO_SECURITY_YET, [], "Of OAuth logins.";
    String = "sasl.oauthbearer.sub.claim.name", "sub", Any, NO_SECURITY_YET, [], "Of OAuth logins.";
    Option<String> = "sasl.oauthbearer.token.endpoint.url", "", Any, NO_SECURITY_YET, [], "Of OAuth logins.";
    Option<Class> = "sasl.server.callback.handler.class", "", Any, NO_SECURITY_YET, [], "Of SASL logins.";
    i32 = "sasl.server.max.receive.size", "524288", Any, NO_SECURITY_YET, [], "Of SASL logins.";
    Option<String> = "security.providers", "", Any, NO_SECURITY_YET, [], "Java classes that provide algorithms.";
    bool = "ssl.allow.dn.changes", "false", Any, NO_SECURITY_YET, [], "Of TLS.";
    bool = "ssl.allow.san.changes", "false", Any, NO_SECURITY_YET, [], "Of TLS.";
    Option<Class> = "ssl.engine.factory.class", "", Any, NO_SECURITY_YET, [], "Of TLS.";
    String = "ssl.keymanager.algorithm", "SunX509", Any, NO_SECURITY_YET, [], "Of TLS.";
    Option<String> = "ssl.provider", "", Any, NO_SECURITY_YET, [], "Of TLS.";
    Option<String> = "ssl.secure.random.implementation", "", Any, NO_SECURITY_YET, [], "Of TLS.";
    String = "ssl.trustmanager.algorithm", "PKIX", Any, NO_SECURITY_YET, [], "Of TLS.";
}
