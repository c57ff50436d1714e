//! Where services are reached: what environment and configuration files say of it, in the SDK's order.
//!
//! The SDK finds endpoints by itself; what is no URL makes it panic or time out at the first call, so that it is
//! refused here before any. An empty one is refused as well: it must not silently become AWS itself.

use aws_config::SdkConfig;
use aws_types::service_config::ServiceConfigKey;

use super::error::refused;
use crate::cloud::CloudError;

/// The services that are called, as the SDK names them in its configuration.
const SERVICES: [&str; 6] =
    ["Elastic Load Balancing v2", "ACM", "EC2", "Resource Groups Tagging API", "STS", "CloudWatch"];

/// The endpoint of a service, if one is configured.
pub(super) fn of(config: &SdkConfig, service: &str) -> Option<String> {
    let key = ServiceConfigKey::builder().service_id(service).env("AWS_ENDPOINT_URL").profile("endpoint_url");
    let own = || config.service_config()?.load_config(key.build().ok()?);
    let all = || config.endpoint_url().map(ToOwned::to_owned);
    let asked = config.get_origin("endpoint_url").is_client_config();
    if asked { all() } else { own().or_else(all) }
}

/// Whether every endpoint that is configured is a URL.
///
/// # Errors
/// The first that is none, with the variables that may say it.
pub(super) fn check(config: &SdkConfig) -> Result<(), CloudError> {
    let bad = |service: &'static str| of(config, service).filter(|url| !is_url(url)).map(|url| (service, url));
    let Some((service, url)) = SERVICES.into_iter().find_map(bad) else { return Ok(()) };
    let own = service.to_ascii_uppercase().replace(' ', "_");
    let what = if url.trim().is_empty() { "is empty".to_owned() } else { format!("is `{url}`") };
    Err(refused(
        "configuration",
        format!(
            "the endpoint of {service} {what}, and a URL begins with http:// or https://: correct or unset \
             AWS_ENDPOINT_URL_{own}, AWS_ENDPOINT_URL, or `endpoint_url` in the configuration file"
        ),
    ))
}

fn is_url(text: &str) -> bool {
    ["http://", "https://"].iter().any(|scheme| text.strip_prefix(scheme).is_some_and(|rest| !rest.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_url_is_no_endpoint() {
        for (url, good) in [
            ("http://127.0.0.1:4566", true),
            ("https://elb.example.com", true),
            ("", false),
            (" ", false),
            ("localhost:4566", false),
            ("https://", false),
        ] {
            let config = SdkConfig::builder().endpoint_url(url).build();
            assert_eq!(check(&config).is_ok(), good, "{url}");
        }
        assert!(check(&SdkConfig::builder().build()).is_ok());
    }
}
