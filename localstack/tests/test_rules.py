"""Rules: conditions, actions, transforms, and the order among them."""

from __future__ import annotations

from typing import Any

from tests.support import Case, client, fixed, forward, generate, host, internal, path, redirect

Json = dict[str, Any]


class Rules(Case):
    @classmethod
    def prepare(cls) -> None:
        cls.lb = cls.balancer()
        cls.one, cls.two = cls.target_group(), cls.target_group()
        cls.cert = cls.certificate("rules.example.com")
        cls.http = cls.listener(cls.lb, 80)
        cls.https = cls.listener(cls.lb, 443, Protocol="HTTPS", Certificates=[{"CertificateArn": cls.cert}])
        cls.priority = 0
        cls.raw = client("elbv2", cls.account, validate=False)

    def create(self, listener: str = "", **kwargs: Any) -> Json:
        type(self).priority += 1
        request = {"ListenerArn": listener or self.http, "Priority": self.priority, "Conditions": [path("/x")],
                   "Actions": [fixed()], **kwargs}
        made = self.raw.create_rule(**request)["Rules"][0]
        self.addCleanup(self.elb.delete_rule, RuleArn=made["RuleArn"])
        return made

    def shown(self, arn: str) -> Json:
        return self.elb.describe_rules(RuleArns=[arn])["Rules"][0]


class Conditions(Rules):
    """API: RuleCondition; user guide, "Condition types"."""

    def test_host_header_is_read_back_in_both_forms(self) -> None:
        """AWS shows HostHeaderConfig and the legacy Values."""
        self.assertEqual([{"Field": "host-header", "Values": ["a.example.com"],
                           "HostHeaderConfig": {"Values": ["a.example.com"]}}],
                         self.create(Conditions=[host("a.example.com")])["Conditions"])

    def test_what_was_read_can_be_sent_back(self) -> None:
        """A client may send the conditions as it read them."""
        conditions = self.create(Conditions=[host("a.example.com", "b.example.com"), path("/a")])["Conditions"]
        self.assertEqual(conditions, self.create(Conditions=conditions)["Conditions"])

    def test_several_headers_and_queries(self) -> None:
        """User guide: any number of http-header and query-string conditions."""
        conditions = [header("X-A", "1"), header("X-B", "2"), query("k", "v"), query(None, "w")]
        self.assertEqual(4, len(self.create(Conditions=conditions)["Conditions"]))

    def test_query_without_key(self) -> None:
        """API: QueryStringKeyValuePair: the key may be omitted."""
        shown = self.create(Conditions=[query(None, "v")])["Conditions"][0]
        self.assertEqual({"Values": [{"Value": "v"}]}, shown["QueryStringConfig"])

    def test_lowered_value_quota(self) -> None:
        """API: DescribeAccountLimits, condition-values-per-alb-rule."""
        quota = {"account": self.account, "region": "eu-west-1"}
        internal("PUT", "quotas", {**quota, "quotas": {"condition-values-per-alb-rule": 1}})
        try:
            self.refused("ValidationError", self.create, Conditions=[path("/a", "/b")])
        finally:
            internal("PUT", "quotas", {**quota, "quotas": {"condition-values-per-alb-rule": None}})


def header(name: str, *values: str, **kwargs: Any) -> Json:
    return {"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": name, "Values": list(values), **kwargs}}


def query(key: str | None, value: str) -> Json:
    pair = {"Key": key, "Value": value} if key else {"Value": value}
    return {"Field": "query-string", "QueryStringConfig": {"Values": [pair]}}


def method(*values: str) -> Json:
    return {"Field": "http-request-method", "HttpRequestMethodConfig": {"Values": list(values)}}


def source(*values: str) -> Json:
    return {"Field": "source-ip", "SourceIpConfig": {"Values": list(values)}}


def _condition_accepted(self: Conditions, _: str, *conditions: Json) -> None:
    made = self.create(Conditions=list(conditions))
    self.assertEqual([c["Field"] for c in conditions], [c["Field"] for c in made["Conditions"]])
    self.assertEqual(made, self.shown(made["RuleArn"]))


generate(Conditions, "RuleCondition_accepts", [
    ("a wildcard host", host("*.example.com")),
    ("a question mark", host("a?.example.com")),
    ("a host by regex", {"Field": "host-header", "HostHeaderConfig": {"RegexValues": ["^a[0-9]+\\.example\\.com$"]}}),
    ("a path by regex", {"Field": "path-pattern", "PathPatternConfig": {"RegexValues": ["^/v[12]/.*$"]}}),
    ("a header by regex", {"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "X", "RegexValues": ["a|b"]}}),
    ("a path with specials", path("/a_-.$/~\"'@:+&*?")),
    ("a legacy path", {"Field": "path-pattern", "Values": ["/legacy/*"]}),
    ("a legacy host", {"Field": "host-header", "Values": ["old.example.com"]}),
    ("a method", method("GET", "M-SEARCH")),
    ("a source v4", source("10.0.0.0/8")),
    ("a source v6", source("2001:db8::/32")),
    ("a header", header("User-Agent", "*Chrome*")),
    ("all kinds at once", host("a.example.com"), path("/a"), method("GET"), source("10.0.0.0/8"), header("X", "y")),
    ("a query", query("version", "v1")),
    ("an escaped star", query("k", "a\\*b")),
], _condition_accepted)


def _condition_refused(self: Conditions, _: str, *conditions: Json) -> None:
    self.refused("ValidationError", self.create, Conditions=list(conditions))


generate(Conditions, "RuleCondition_refuses", [
    ("an unknown field", {"Field": "cookie", "Values": ["x"]}),
    ("no value", {"Field": "path-pattern"}),
    ("an empty value", path("")),
    ("two hosts conditions", host("a.example.com"), host("b.example.com")),
    ("two paths conditions", path("/a"), path("/b")),
    ("two method conditions", method("GET"), method("PUT")),
    ("two source conditions", source("10.0.0.0/8"), source("11.0.0.0/8")),
    ("a host of 129 characters", host("a" * 125 + ".com")),
    ("a host without a dot", host("localhost")),
    ("a host with a digit top label", host("10.0.0.1")),
    ("a host with a slash", host("a.example.com/x")),
    ("a path of 129 characters", path("/" * 129)),
    ("a path with a hash", path("/a#b")),
    ("values and regexes", {"Field": "host-header", "HostHeaderConfig": {"Values": ["a.b"], "RegexValues": ["a"]}}),
    ("a lookahead", {"Field": "path-pattern", "PathPatternConfig": {"RegexValues": ["(?=a)b"]}}),
    ("a back reference", {"Field": "path-pattern", "PathPatternConfig": {"RegexValues": ["(a)\\1"]}}),
    ("a broken regex", {"Field": "path-pattern", "PathPatternConfig": {"RegexValues": ["("]}}),
    ("a regex of 129 characters", {"Field": "path-pattern", "PathPatternConfig": {"RegexValues": ["a" * 129]}}),
    ("a header without a name", {"Field": "http-header", "HttpHeaderConfig": {"Values": ["x"]}}),
    ("the host header", header("Host", "a.example.com")),
    ("a header name of 41 characters", header("X" * 41, "v")),
    ("a header name with a space", header("X Y", "v")),
    ("a header value that is not ASCII", header("X", "ü")),
    ("a lower-case method", method("get")),
    ("a method of 41 characters", method("A" * 41)),
    ("an address without prefix", source("10.0.0.1")),
    ("an address that is none", source("10.0.0.0/33")),
    ("a query without a value", {"Field": "query-string", "QueryStringConfig": {"Values": [{"Key": "a"}]}}),
    ("a query value of 129 characters", query("a", "v" * 129)),
    ("six values", path("/1", "/2", "/3", "/4", "/5", "/6")),
    ("six values in two conditions", path("/1", "/2", "/3"), header("X", "4", "5", "6")),
    ("six wildcards", path("/*/*/*/*/*/*")),
    ("a config of another field", {"Field": "host-header", "PathPatternConfig": {"Values": ["/a"]}}),
    ("two legacy values", {"Field": "path-pattern", "Values": ["/a", "/b"]}),
    ("a legacy method", {"Field": "http-request-method", "Values": ["GET"]}),
], _condition_refused)


class Actions(Rules):
    """API: Action; user guide, "Action types"."""

    def test_forward_to_one_group(self) -> None:
        """AWS shows both forms: TargetGroupArn, and ForwardConfig with weight 1 and stickiness off."""
        shown = self.create(Actions=[forward(self.one)])["Actions"][0]
        self.assertEqual({"Type": "forward", "TargetGroupArn": self.one, "Order": 1, "ForwardConfig": {
            "TargetGroups": [{"TargetGroupArn": self.one, "Weight": 1}],
            "TargetGroupStickinessConfig": {"Enabled": False}}}, shown)

    def test_forward_to_two_groups(self) -> None:
        """API: ForwardActionConfig: no TargetGroupArn with several groups."""
        shown = self.create(Actions=[forward(self.one, self.two)])["Actions"][0]
        self.assertNotIn("TargetGroupArn", shown)
        self.assertEqual([1, 1], [entry["Weight"] for entry in shown["ForwardConfig"]["TargetGroups"]])

    def test_both_forms_that_agree(self) -> None:
        """API: Action: "If you specify both …, you can specify only one target group"."""
        both = {**forward(self.one), "ForwardConfig": {"TargetGroups": [{"TargetGroupArn": self.one, "Weight": 7}]}}
        shown = self.create(Actions=[both])["Actions"][0]
        self.assertEqual(7, shown["ForwardConfig"]["TargetGroups"][0]["Weight"])

    def test_redirect_is_filled_in(self) -> None:
        """API: RedirectActionConfig: omitted parts are read back as their placeholders."""
        shown = self.create(Actions=[redirect()])["Actions"][0]["RedirectConfig"]
        self.assertEqual({"Protocol": "HTTPS", "Port": "443", "Host": "#{host}", "Path": "/#{path}",
                          "Query": "#{query}", "StatusCode": "HTTP_301"}, shown)

    def test_redirect_with_an_empty_query(self) -> None:
        """API: RedirectActionConfig.Query may be empty."""
        shown = self.create(Actions=[redirect(Host="b.example.com", Query="", StatusCode="HTTP_302")])["Actions"][0]
        self.assertEqual("", shown["RedirectConfig"].get("Query", ""))

    def test_orders(self) -> None:
        """API: Action.Order: lowest first; the routing action is last."""
        actions = [{**forward(self.one), "Order": 50}, {**oidc(), "Order": 10}]
        shown = self.create(self.https, Actions=actions)["Actions"]
        self.assertEqual([("authenticate-oidc", 10), ("forward", 50)], [(a["Type"], a["Order"]) for a in shown])

    def test_the_secret_is_never_returned(self) -> None:
        """API: AuthenticateOidcActionConfig.ClientSecret; optionals are filled in."""
        made = self.create(self.https, Actions=[{**oidc(), "Order": 1}, {**fixed(), "Order": 2}])
        for rule in (made, self.shown(made["RuleArn"])):
            config = rule["Actions"][0]["AuthenticateOidcConfig"]
            self.assertNotIn("ClientSecret", config)
            self.assertEqual(("AWSELBAuthSessionCookie", "openid", 604800, "authenticate"), tuple(config[key] for key in (
                "SessionCookieName", "Scope", "SessionTimeout", "OnUnauthenticatedRequest")))

    def test_existing_secret(self) -> None:
        """API: UseExistingClientSecret on ModifyRule, and not on CreateRule."""
        reuse = [{**oidc(ClientSecret=None, UseExistingClientSecret=True), "Order": 1}, {**fixed(), "Order": 2}]
        self.refused("ValidationError", self.create, listener=self.https, Actions=reuse)
        made = self.create(self.https, Actions=[{**oidc(), "Order": 1}, {**fixed(), "Order": 2}])
        self.elb.modify_rule(RuleArn=made["RuleArn"], Actions=reuse)
        both = [{**oidc(UseExistingClientSecret=True), "Order": 1}, {**fixed(), "Order": 2}]
        self.refused("ValidationError", self.elb.modify_rule, RuleArn=made["RuleArn"], Actions=both)

    def test_cognito(self) -> None:
        """API: AuthenticateCognitoActionConfig."""
        config = {"UserPoolArn": "arn:aws:cognito-idp:eu-west-1:000000000000:userpool/eu-west-1_a",
                  "UserPoolClientId": "c", "UserPoolDomain": "d"}
        action = {"Type": "authenticate-cognito", "Order": 1, "AuthenticateCognitoConfig": config}
        shown = self.create(self.https, Actions=[action, {**fixed(), "Order": 2}])["Actions"][0]
        self.assertEqual("openid", shown["AuthenticateCognitoConfig"]["Scope"])

    def test_jwt_validation(self) -> None:
        """API: JwtValidationActionConfig."""
        claims = [{"Name": "scope", "Format": "space-separated-values", "Values": ["read"]}]
        action = {**jwt(AdditionalClaims=claims), "Order": 1}
        shown = self.create(self.https, Actions=[action, {**fixed(), "Order": 2}])["Actions"][0]
        self.assertEqual(claims, shown["JwtValidationConfig"]["AdditionalClaims"])

    def test_one_load_balancer_per_group(self) -> None:
        """User guide, "Target groups": TargetGroupAssociationLimit."""
        self.create(Actions=[forward(self.one)])
        other = self.listener(self.balancer())
        self.refused("TargetGroupAssociationLimit", self.create, listener=other, Actions=[forward(self.one)])
        self.refused("TargetGroupAssociationLimit", self.elb.modify_listener, ListenerArn=other,
                     DefaultActions=[forward(self.one)])

    def test_incompatible_protocol(self) -> None:
        """API: IncompatibleProtocols."""
        self.refused("IncompatibleProtocols", self.create, Actions=[forward(self.target_group(Protocol="TCP"))])

    def test_group_of_another_vpc(self) -> None:
        """API: CreateRule: the group must be in the load balancer's VPC."""
        vpc = self.ec2.create_vpc(CidrBlock="10.7.0.0/16")["Vpc"]["VpcId"]
        self.refused("ValidationError", self.create, "VPC", Actions=[forward(self.target_group(VpcId=vpc))])

    def test_unique_groups_quota(self) -> None:
        """User guide, "Quotas": TooManyUniqueTargetGroupsPerLoadBalancer."""
        quota = {"account": self.account, "region": "eu-west-1"}
        internal("PUT", "quotas", {**quota, "quotas": {"target-groups-per-application-load-balancer": 1}})
        try:
            self.refused("TooManyUniqueTargetGroupsPerLoadBalancer", self.create, Actions=[forward(self.one, self.two)])
        finally:
            internal("PUT", "quotas", {**quota, "quotas": {"target-groups-per-application-load-balancer": None}})


def oidc(**kwargs: Any) -> Json:
    config = {"Issuer": "https://idp.example", "AuthorizationEndpoint": "https://idp.example/auth",
              "TokenEndpoint": "https://idp.example/token", "UserInfoEndpoint": "https://idp.example/me",
              "ClientId": "id", "ClientSecret": "secret", **kwargs}
    return {"Type": "authenticate-oidc",
            "AuthenticateOidcConfig": {key: value for key, value in config.items() if value is not None}}


def jwt(**kwargs: Any) -> Json:
    config = {"JwksEndpoint": "https://idp.example/jwks", "Issuer": "https://idp.example", **kwargs}
    return {"Type": "jwt-validation", "JwtValidationConfig": config}


def weighted(self: Any, *weights: int, **stickiness: Any) -> Json:
    groups = [{"TargetGroupArn": arn, "Weight": w} for arn, w in zip((self.one, self.two), weights)]
    config: Json = {"TargetGroups": groups}
    if stickiness:
        config["TargetGroupStickinessConfig"] = stickiness
    return {"Type": "forward", "ForwardConfig": config}


def _action_refused(self: Actions, _: str, code: str, secure: bool, make: Any) -> None:
    actions = make(self)
    self.refused(code, self.create, listener=self.https if secure else self.http, Actions=actions)


def _with_response(action: Json) -> list[Json]:
    return [{**action, "Order": 1}, {**fixed(), "Order": 2}]


generate(Actions, "Action_refuses", [
    ("an unknown type", "ValidationError", False, lambda s: [{"Type": "drop"}]),
    ("an unknown group", "TargetGroupNotFound", False, lambda s: [forward(s.one[:-4] + "beef")]),
    ("a bad group ARN", "ValidationError", False, lambda s: [forward("x")]),
    ("no group", "ValidationError", False, lambda s: [{"Type": "forward"}]),
    ("a group twice", "ValidationError", False, lambda s: [forward(s.one, s.one)]),
    ("weight 1000", "ValidationError", False, lambda s: [weighted(s, 1000, 1)]),
    ("weight -1", "ValidationError", False, lambda s: [weighted(s, -1, 1)]),
    ("stickiness without duration", "ValidationError", False, lambda s: [weighted(s, 1, 1, Enabled=True)]),
    ("stickiness of 0 seconds", "ValidationError", False,
     lambda s: [weighted(s, 1, 1, Enabled=True, DurationSeconds=0)]),
    ("stickiness of 604801 seconds", "ValidationError", False,
     lambda s: [weighted(s, 1, 1, Enabled=True, DurationSeconds=604801)]),
    ("both forms that differ", "ValidationError", False,
     lambda s: [{**forward(s.one), "ForwardConfig": {"TargetGroups": [{"TargetGroupArn": s.two}]}}]),
    ("six groups", "TooManyTargetGroups", False, lambda s: [forward(*(s.target_group() for _ in range(6)))]),
    ("two routing actions", "TooManyActions", False,
     lambda s: [{**forward(s.one), "Order": 1}, {**fixed(), "Order": 2}]),
    ("actions without orders", "ValidationError", True, lambda s: [oidc(), fixed()]),
    ("equal orders", "ValidationError", True, lambda s: [{**oidc(), "Order": 1}, {**fixed(), "Order": 1}]),
    ("order 50001", "ValidationError", False, lambda s: [{**fixed(), "Order": 50001}]),
    ("no routing action", "InvalidLoadBalancerAction", True, lambda s: [oidc()]),
    ("a routing action first", "InvalidLoadBalancerAction", True,
     lambda s: [{**fixed(), "Order": 1}, {**oidc(), "Order": 2}]),
    ("two authentications", "TooManyActions", True,
     lambda s: [{**oidc(), "Order": 1}, {**jwt(), "Order": 2}, {**fixed(), "Order": 3}]),
    ("a redirect to itself", "InvalidLoadBalancerAction", False, lambda s: [redirect(StatusCode="HTTP_301")]),
    ("a redirect from HTTPS to HTTP", "InvalidLoadBalancerAction", True,
     lambda s: [redirect(Protocol="HTTP", StatusCode="HTTP_301")]),
    ("a redirect with status 307", "ValidationError", False, lambda s: [redirect(Port="1", StatusCode="HTTP_307")]),
    ("a redirect with no config", "ValidationError", False, lambda s: [{"Type": "redirect"}]),
    ("a redirect to port 0", "ValidationError", False, lambda s: [redirect(Port="0", StatusCode="HTTP_301")]),
    ("a redirect to a bad protocol", "ValidationError", False,
     lambda s: [redirect(Protocol="FTP", StatusCode="HTTP_301")]),
    ("a redirect path without slash", "ValidationError", False, lambda s: [redirect(Path="a", StatusCode="HTTP_301")]),
    ("a redirect query with question mark", "ValidationError", False,
     lambda s: [redirect(Port="1", Query="?a", StatusCode="HTTP_301")]),
    ("a redirect host with a foreign keyword", "ValidationError", False,
     lambda s: [redirect(Host="#{path}", StatusCode="HTTP_301")]),
    ("a redirect host of 129 characters", "ValidationError", False,
     lambda s: [redirect(Host="h" * 129, StatusCode="HTTP_301")]),
    ("a response with status 302", "ValidationError", False, lambda s: [fixed("302")]),
    ("a response body of 1025 characters", "ValidationError", False, lambda s: [{
        "Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "200", "MessageBody": "x" * 1025}}]),
    ("a response of another content type", "ValidationError", False, lambda s: [{
        "Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "200", "ContentType": "image/png"}}]),
    ("a config of another type", "InvalidLoadBalancerAction", False,
     lambda s: [{**fixed(), "RedirectConfig": {"StatusCode": "HTTP_301"}}]),
    ("a group on a response", "InvalidLoadBalancerAction", False, lambda s: [{**fixed(), "TargetGroupArn": s.one}]),
    ("OIDC on HTTP", "UnsupportedProtocol", False, lambda s: _with_response(oidc())),
    ("JWT on HTTP", "UnsupportedProtocol", False, lambda s: _with_response(jwt())),
    ("OIDC over http", "ValidationError", True, lambda s: _with_response(oidc(TokenEndpoint="http://idp.example"))),
    ("OIDC without a secret", "ValidationError", True, lambda s: _with_response(oidc(ClientSecret=None))),
    ("OIDC without an issuer", "ValidationError", True, lambda s: _with_response(oidc(Issuer=None))),
    ("OIDC for 604801 seconds", "ValidationError", True, lambda s: _with_response(oidc(SessionTimeout=604801))),
    ("OIDC with 11 parameters", "ValidationError", True, lambda s: _with_response(
        oidc(AuthenticationRequestExtraParams={f"k{n}": "v" for n in range(11)}))),
    ("Cognito with a bad pool", "ValidationError", True, lambda s: _with_response({
        "Type": "authenticate-cognito", "AuthenticateCognitoConfig": {
            "UserPoolArn": "x", "UserPoolClientId": "c", "UserPoolDomain": "d"}})),
    ("JWT keys over http", "ValidationError", True, lambda s: _with_response(jwt(JwksEndpoint="http://a.example"))),
    ("JWT issuer of 257 characters", "ValidationError", True, lambda s: _with_response(jwt(Issuer="i" * 257))),
    ("JWT with a reserved claim", "ValidationError", True, lambda s: _with_response(
        jwt(AdditionalClaims=[{"Name": "exp", "Format": "single-string", "Values": ["1"]}]))),
    ("JWT with 11 claims", "ValidationError", True, lambda s: _with_response(jwt(AdditionalClaims=[
        {"Name": f"c{n}", "Format": "single-string", "Values": ["1"]} for n in range(11)]))),
    ("JWT with an unknown format", "ValidationError", True, lambda s: _with_response(
        jwt(AdditionalClaims=[{"Name": "a", "Format": "regex", "Values": ["1"]}]))),
], _action_refused)
