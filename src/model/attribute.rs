//! Attribute tables: every attribute key of ALBs, their listeners and target groups, with AWS's default,
//! the values it takes, and its shorthand in the desired-state language.
//!
//! Sources: API `LoadBalancerAttribute`, `TargetGroupAttribute`, `ListenerAttribute`; user guide
//! "Application Load Balancers", "Target groups", "HTTP header modification".

/// The values an attribute takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Values {
    /// `true` or `false`.
    Bool,
    /// A number of the range, both ends included.
    Number(u32, u32),
    /// Zero, or a number of the range.
    ZeroOrNumber(u32, u32),
    /// A word, or a number of the range.
    WordOrNumber(&'static str, u32, u32),
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// Free text.
    Text,
}

/// Which resources an attribute applies to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applies {
    /// All of the kind.
    All,
    /// Target groups of instances or addresses.
    InstanceOrIp,
    /// Target groups of a Lambda function.
    Lambda,
    /// HTTPS listeners.
    HttpsListener,
    /// Nothing: AWS fixes the value for ALBs.
    Fixed,
}

/// One attribute key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// AWS's key.
    pub key: &'static str,
    /// The shorthand's key path in the desired-state language, where there is one.
    pub shorthand: Option<&'static str>,
    /// AWS's default as text; `None` where it depends on the resource.
    pub default: Option<&'static str>,
    /// What AWS accepts.
    pub values: Values,
    /// Where it applies.
    pub applies: Applies,
}

impl Attribute {
    /// The attribute of a table with this key.
    pub fn find(table: &'static [Self], key: &str) -> Option<&'static Self> {
        table.iter().find(|a| a.key == key)
    }
    /// Where the desired-state language says this attribute: its shorthand, else `attributes.KEY`.
    pub fn path_of(table: &'static [Self], key: &str) -> String {
        match Self::find(table, key).and_then(|a| a.shorthand) {
            Some(shorthand) => shorthand.to_owned(),
            None => format!("attributes.{key}"),
        }
    }
    const fn short(self, path: &'static str) -> Self {
        Self { shorthand: Some(path), ..self }
    }
    const fn on(self, applies: Applies) -> Self {
        Self { applies, ..self }
    }
}

const fn bool(key: &'static str, default: &'static str) -> Attribute {
    Attribute { key, shorthand: None, default: Some(default), values: Values::Bool, applies: Applies::All }
}
const fn text(key: &'static str) -> Attribute {
    Attribute { key, shorthand: None, default: Some(""), values: Values::Text, applies: Applies::All }
}
const fn number(key: &'static str, default: &'static str, low: u32, high: u32) -> Attribute {
    Attribute { key, shorthand: None, default: Some(default), values: Values::Number(low, high), applies: Applies::All }
}
const fn words(key: &'static str, default: &'static str, words: &'static [&'static str]) -> Attribute {
    Attribute { key, shorthand: None, default: Some(default), values: Values::OneOf(words), applies: Applies::All }
}

/// Attributes of Application Load Balancers.
pub static LOAD_BALANCER: &[Attribute] = &[
    bool("deletion_protection.enabled", "false"),
    bool("load_balancing.cross_zone.enabled", "true").on(Applies::Fixed),
    bool("access_logs.s3.enabled", "false"),
    text("access_logs.s3.bucket"),
    text("access_logs.s3.prefix"),
    // the default follows the scheme: false internet-facing, true internal
    Attribute {
        key: "ipv6.deny_all_igw_traffic",
        shorthand: None,
        default: None,
        values: Values::Bool,
        applies: Applies::All,
    },
    bool("zonal_shift.config.enabled", "false"),
    number("idle_timeout.timeout_seconds", "60", 1, 4000).short("idle_timeout"),
    number("client_keep_alive.seconds", "3600", 60, 604_800).short("client_keep_alive"),
    bool("connection_logs.s3.enabled", "false"),
    text("connection_logs.s3.bucket"),
    text("connection_logs.s3.prefix"),
    bool("health_check_logs.s3.enabled", "false"),
    text("health_check_logs.s3.bucket"),
    text("health_check_logs.s3.prefix"),
    words("routing.http.desync_mitigation_mode", "defensive", &["monitor", "defensive", "strictest"]),
    bool("routing.http.drop_invalid_header_fields.enabled", "false").short("drop_invalid_header_fields"),
    bool("routing.http.preserve_host_header.enabled", "false"),
    bool("routing.http.x_amzn_tls_version_and_cipher_suite.enabled", "false"),
    bool("routing.http.xff_client_port.enabled", "false"),
    words("routing.http.xff_header_processing.mode", "append", &["append", "preserve", "remove"]),
    bool("routing.http2.enabled", "true"),
    bool("waf.fail_open.enabled", "false"),
];

const MAX_TARGETS: u32 = 1000;

/// Attributes of target groups that serve Application Load Balancers.
pub static TARGET_GROUP: &[Attribute] = &[
    number("deregistration_delay.timeout_seconds", "300", 0, 3600)
        .short("deregistration_delay")
        .on(Applies::InstanceOrIp),
    bool("stickiness.enabled", "false").short("stickiness").on(Applies::InstanceOrIp),
    words("stickiness.type", "lb_cookie", &["lb_cookie", "app_cookie"]).short("stickiness.type"),
    words(
        "load_balancing.cross_zone.enabled",
        "use_load_balancer_configuration",
        &["true", "false", "use_load_balancer_configuration"],
    ),
    Attribute {
        key: "target_group_health.dns_failover.minimum_healthy_targets.count",
        shorthand: None,
        default: Some("1"),
        values: Values::WordOrNumber("off", 1, MAX_TARGETS),
        applies: Applies::All,
    },
    Attribute {
        key: "target_group_health.dns_failover.minimum_healthy_targets.percentage",
        shorthand: None,
        default: Some("off"),
        values: Values::WordOrNumber("off", 1, 100),
        applies: Applies::All,
    },
    number("target_group_health.unhealthy_state_routing.minimum_healthy_targets.count", "1", 1, MAX_TARGETS),
    Attribute {
        key: "target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage",
        shorthand: None,
        default: Some("off"),
        values: Values::WordOrNumber("off", 1, 100),
        applies: Applies::All,
    },
    words(
        "load_balancing.algorithm.type",
        "round_robin",
        &["round_robin", "least_outstanding_requests", "weighted_random"],
    )
    .short("algorithm")
    .on(Applies::InstanceOrIp),
    words("load_balancing.algorithm.anomaly_mitigation", "off", &["on", "off"]).on(Applies::InstanceOrIp),
    Attribute {
        key: "slow_start.duration_seconds",
        shorthand: Some("slow_start"),
        default: Some("0"),
        values: Values::ZeroOrNumber(30, 900),
        applies: Applies::InstanceOrIp,
    },
    number("stickiness.lb_cookie.duration_seconds", "86400", 1, 604_800)
        .short("stickiness.duration")
        .on(Applies::InstanceOrIp),
    text("stickiness.app_cookie.cookie_name").short("stickiness.cookie_name").on(Applies::InstanceOrIp),
    // its shorthand is `stickiness.duration` too, chosen by the type
    number("stickiness.app_cookie.duration_seconds", "86400", 1, 604_800)
        .short("stickiness.duration")
        .on(Applies::InstanceOrIp),
    bool("lambda.multi_value_headers.enabled", "false").on(Applies::Lambda),
];

/// Attributes of ALB listeners.
pub static LISTENER: &[Attribute] = &[
    text("routing.http.request.x_amzn_mtls_clientcert_serial_number.header_name").on(Applies::HttpsListener),
    text("routing.http.request.x_amzn_mtls_clientcert_issuer.header_name").on(Applies::HttpsListener),
    text("routing.http.request.x_amzn_mtls_clientcert_subject.header_name").on(Applies::HttpsListener),
    text("routing.http.request.x_amzn_mtls_clientcert_validity.header_name").on(Applies::HttpsListener),
    text("routing.http.request.x_amzn_mtls_clientcert_leaf.header_name").on(Applies::HttpsListener),
    text("routing.http.request.x_amzn_mtls_clientcert.header_name").on(Applies::HttpsListener),
    text("routing.http.request.x_amzn_tls_version.header_name").on(Applies::HttpsListener),
    text("routing.http.request.x_amzn_tls_cipher_suite.header_name").on(Applies::HttpsListener),
    bool("routing.http.response.server.enabled", "true"),
    text("routing.http.response.strict_transport_security.header_value"),
    text("routing.http.response.access_control_allow_origin.header_value"),
    text("routing.http.response.access_control_allow_methods.header_value"),
    text("routing.http.response.access_control_allow_headers.header_value"),
    text("routing.http.response.access_control_allow_credentials.header_value"),
    text("routing.http.response.access_control_expose_headers.header_value"),
    text("routing.http.response.access_control_max_age.header_value"),
    text("routing.http.response.content_security_policy.header_value"),
    text("routing.http.response.x_content_type_options.header_value"),
    text("routing.http.response.x_frame_options.header_value"),
];
