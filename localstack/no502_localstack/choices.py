"""Facts about AWS that its documentation leaves open, each chosen once, here.

Every constant says what is unknown and why this value was taken. A test that depends on one cites it.
"""

from __future__ import annotations

# The model caps ModifyLoadBalancerAttributes at 20 entries; whether the server enforces it is not documented.
ENFORCE_MODEL_LIST_LIMITS = True

# The default PageSize is not documented; the model's maximum is 400, so an unset one gives everything up to it.
DEFAULT_PAGE_SIZE = 400

# Describe-by-ARN caps are documented for load balancers, target groups and tags (20); taken for the rest as well.
MAX_DESCRIBED_BY_ID = 20

# "Identical settings" of an idempotent create: tags and health checks are settings of their own calls, but the
# health check is sent on create, so it counts; tags do not.
TAGS_COUNT_AS_SETTINGS = False

# DeleteTargetGroup declares only ResourceInUse, so an absent group is taken for deleted.
DELETE_ABSENT_TARGET_GROUP_SUCCEEDS = True

# Listener header attributes are cleared by an empty value.
EMPTY_LISTENER_ATTRIBUTE_CLEARS = True

# "You cannot have both stickiness and weighted random algorithm" was seen in the past; the user guide no longer
# says so, so it is accepted.
STICKINESS_WITH_WEIGHTED_RANDOM = True

# Rule quotas as the user guide has them ("Quotas for your Application Load Balancers"): 5 condition values and 5
# wildcards per rule. The model's own limits come on top.
CONDITION_VALUES_PER_RULE = 5
CONDITION_WILDCARDS_PER_RULE = 5

# A load balancer is "provisioning" for minutes on AWS; here for two seconds, divided by the time scale.
PROVISIONING_SECONDS = 2.0

# A target without a script and without a mapped address turns healthy after half a second, divided by the time scale.
REGISTRATION_SECONDS = 0.1
INITIAL_SECONDS = 0.4

# DescribeCertificate has been seen with "RSA-2048" and with "RSA_2048"; the service model's enum has underscores.
ACM_KEY_ALGORITHM_HYPHEN = False

# DescribeTags over ARNs of several kinds in one call is not documented as forbidden, so it is allowed.
MIXED_KINDS_IN_DESCRIBE_TAGS = True

# The old default certificate does not stay in the SNI list on its own when ModifyListener replaces it.
OLD_DEFAULT_CERTIFICATE_STAYS = False

# An internet gateway is needed for an internet-facing load balancer on AWS; emulated networks seldom have one.
REQUIRE_INTERNET_GATEWAY = False

# More than one Rewrite per transform is in the model's list type but undocumented; the model's limit is kept.
REWRITES_PER_TRANSFORM = 1

# ListCertificates' default key-type filter: the operation's page says RSA_2048 only, the filter's page RSA_1024 and
# RSA_2048; the latter is taken. Everything else is hidden unless Includes.keyTypes names it.
ACM_DEFAULT_KEY_TYPES = ("RSA_1024", "RSA_2048")

# "Several seconds" pass until DescribeCertificate shows the CNAME of a new request, and minutes until a certificate
# whose CNAME stands is issued; both shortened, and divided by the time scale.
ACM_RECORD_SECONDS = 1.0
ACM_ISSUE_SECONDS = 2.0

# An omitted ValidationMethod means EMAIL (API, RequestCertificate does not say so; the console and old SDKs did it).
ACM_DEFAULT_VALIDATION = "EMAIL"

# Whether a re-import may change the key's type or size is not documented clearly; refusing is the careful reading.
ACM_REIMPORT_KEEPS_KEY_TYPE = True

# The interfaces of a deleted load balancer stay for minutes; here for two seconds, divided by the time scale.
INTERFACE_LINGERS_SECONDS = 2.0

# A new trust store is CREATING for some seconds; here for one second, divided by the time scale.
TRUST_STORE_SECONDS = 1.0

# A capacity reservation is pending for minutes; here for two seconds, divided by the time scale.
CAPACITY_SECONDS = 2.0

# Whether an action that was written alone and without an Order is read back with one: it was seen both ways; shown.
SINGLE_ACTION_SHOWS_ORDER = True
