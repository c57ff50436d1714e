//! The cases, by what they turn on.

use super::Case;

pub(super) const ALL: [&[Case]; 6] = [GROUPS, EGRESS, LISTS, ACLS, ROUTES, FAMILIES];

/// The target's security groups.
const GROUPS: &[Case] = &[
    ("all open", "", "open"),
    ("no rule at all", "sg-app none", "TargetGroups: no rule of sg-app | admit TCP 8000 from sg-lb"),
    ("another port", "sg-app in tcp 80 sg-lb", "TargetGroups: no rule of sg-app | admit TCP 8000 from sg-lb"),
    ("a range with the port", "sg-app in tcp 7000-9000 sg-lb", "open"),
    (
        "a range beside it",
        "sg-app in tcp 8001-9000 sg-lb",
        "TargetGroups: no rule of sg-app | admit TCP 8000 from sg-lb",
    ),
    ("every port", "sg-app in tcp sg-lb", "open"),
    ("every protocol", "sg-app in all sg-lb", "open"),
    ("udp only", "sg-app in udp 8000 sg-lb", "TargetGroups: no rule of sg-app | admit TCP 8000 from sg-lb"),
    ("icmp only", "sg-app in icmp sg-lb", "TargetGroups: no rule of sg-app | admit TCP 8000 from sg-lb"),
    ("another group", "sg-app in tcp 8000 sg-old", "TargetGroups: no rule of sg-app | admit TCP 8000 from sg-lb"),
    ("its own group only", "sg-app in tcp 8000 sg-app", "TargetGroups: no rule of sg-app | admit TCP 8000 from sg-lb"),
    (
        "one group for both, by self",
        "target 10.0.11.10 subnet-b vpc-1 sg-lb
         sg-lb in tcp 8000 sg-lb
         sg-lb out all 0.0.0.0/0",
        "open",
    ),
    (
        "the second of two groups",
        "target 10.0.11.10 subnet-b vpc-1 sg-app sg-db\nsg-app none\nsg-db in all sg-lb",
        "open",
    ),
    (
        "neither of two groups",
        "target 10.0.11.10 subnet-b vpc-1 sg-app sg-db\nsg-app none\nsg-db in tcp 5432 sg-lb",
        "TargetGroups: no rule of sg-app, sg-db | admit TCP 8000 from sg-lb",
    ),
    (
        "the balancer's second group",
        "lb 10.0.1.0/24 subnet-a vpc-1 sg-lb sg-two\nsg-two none\nsg-app in tcp 8000 sg-two",
        "open",
    ),
    ("its subnet", "sg-app in tcp 8000 10.0.1.0/24", "open"),
    ("the whole VPC", "sg-app in tcp 8000 10.0.0.0/16", "open"),
    (
        "half of its subnet",
        "sg-app in tcp 8000 10.0.1.0/25",
        "TargetGroups: no rule of sg-app (some) | admit TCP 8000 from sg-lb",
    ),
    (
        "one node of it",
        "sg-app in tcp 8000 10.0.1.7/32",
        "TargetGroups: no rule of sg-app (some) | admit TCP 8000 from sg-lb",
    ),
    ("both halves", "sg-app in tcp 8000 10.0.1.0/25\nsg-app in tcp 8000 10.0.1.128/25", "open"),
    (
        "halves on two ports",
        "sg-app in tcp 8000 10.0.1.0/25\nsg-app in tcp 80 10.0.1.128/25",
        "TargetGroups: no rule of sg-app (some) | admit TCP 8000 from sg-lb",
    ),
    (
        "the neighbour's subnet",
        "sg-app in tcp 8000 10.0.2.0/24",
        "TargetGroups: no rule of sg-app | admit TCP 8000 from sg-lb",
    ),
    ("everybody", "sg-app in tcp 8000 0.0.0.0/0", "open"),
    ("everybody over IPv6", "sg-app in tcp 8000 ::/0", "TargetGroups: no rule of sg-app | admit TCP 8000 from sg-lb"),
    ("a group that was not read", "sg-app unread", "unknown: sg-app"),
    ("open although one was not read", "target 10.0.11.10 subnet-b vpc-1 sg-app sg-db\nsg-db unread", "open"),
    (
        "a target without groups",
        "target 10.0.11.10 subnet-b vpc-1",
        "TargetGroups: no security group | admit TCP 8000 from sg-lb",
    ),
    ("a balancer whose groups are unknown", "lb 10.0.1.0/24 subnet-a vpc-1 ?groups", "unknown: groups, groups"),
    (
        "unknown groups, known networks",
        "lb 10.0.1.0/24 subnet-a vpc-1 ?groups\nsg-app in tcp 8000 10.0.0.0/8",
        "unknown: groups",
    ),
];

/// The load balancer's security groups.
const EGRESS: &[Case] = &[
    ("nothing goes out", "sg-lb none", "BalancerGroups: no rule of sg-lb | let TCP 8000 out to sg-app"),
    ("out to the group", "sg-lb out tcp 8000 sg-app", "open"),
    (
        "out to another group",
        "sg-lb out tcp 8000 sg-old",
        "BalancerGroups: no rule of sg-lb | let TCP 8000 out to sg-app",
    ),
    ("out on another port", "sg-lb out tcp 80 sg-app", "BalancerGroups: no rule of sg-lb | let TCP 8000 out to sg-app"),
    ("out to the target's subnet", "sg-lb out tcp 8000 10.0.11.0/24", "open"),
    (
        "out to the other zone only",
        "sg-lb out tcp 8000 10.0.12.0/24",
        "BalancerGroups: no rule of sg-lb | let TCP 8000 out to sg-app",
    ),
    (
        "closed on both ends",
        "sg-lb none\nsg-app none",
        "BalancerGroups: no rule of sg-lb | let TCP 8000 out to sg-app +1",
    ),
    ("in is not out", "sg-lb in all 0.0.0.0/0", "BalancerGroups: no rule of sg-lb | let TCP 8000 out to sg-app"),
    ("a health-check port of its own", "port 9000", "TargetGroups: no rule of sg-app | admit TCP 9000 from sg-lb"),
    ("groups are stateful", "sg-app in tcp 8000 sg-lb\nsg-lb out tcp 8000 sg-app", "open"),
];

/// Prefix lists.
const LISTS: &[Case] = &[
    ("a list with the subnet", "sg-app in tcp 8000 pl-1\npl-1 10.0.1.0/24 10.0.2.0/24", "open"),
    (
        "a list without it",
        "sg-app in tcp 8000 pl-1\npl-1 10.0.2.0/24",
        "TargetGroups: no rule of sg-app | admit TCP 8000 from sg-lb",
    ),
    (
        "a list with a part of it",
        "sg-app in tcp 8000 pl-1\npl-1 10.0.1.0/26",
        "TargetGroups: no rule of sg-app (some) | admit TCP 8000 from sg-lb",
    ),
    ("a list that was not read", "sg-app in tcp 8000 pl-1", "unknown: pl-1"),
    (
        "an unread list on another port",
        "sg-app in tcp 80 pl-1",
        "TargetGroups: no rule of sg-app | admit TCP 8000 from sg-lb",
    ),
    ("an unread list beside an open rule", "sg-app in tcp 8000 pl-1\nsg-app in tcp 8000 sg-lb", "open"),
    ("out to a list", "sg-lb out tcp 8000 pl-1\npl-1 10.0.11.0/24", "open"),
];

/// Network ACLs.
const ACLS: &[Case] = &[
    (
        "a target's ACL without entries",
        "acl-b none",
        "TargetAclIn: acl-b * deny all 0.0.0.0/0 | allow TCP 8000 from 10.0.1.0/24 in acl-b, inbound, before rule * +1",
    ),
    (
        "a deny before the allow",
        "acl-b in 90 deny tcp 8000 10.0.1.0/24
         acl-b in 100 allow all 0.0.0.0/0
         acl-b out 100 allow all 0.0.0.0/0",
        "TargetAclIn: acl-b 90 deny tcp 8000 10.0.1.0/24 | allow TCP 8000 from 10.0.1.0/24 in acl-b, inbound, before rule 90",
    ),
    (
        "a deny behind the allow",
        "acl-b in 110 deny tcp 8000 10.0.1.0/24\nacl-b in 100 allow all 0.0.0.0/0\nacl-b out 100 allow all 0.0.0.0/0",
        "open",
    ),
    (
        "entries are asked by number, not by place",
        "acl-b in 200 deny all 0.0.0.0/0\nacl-b in 100 allow all 0.0.0.0/0\nacl-b out 100 allow all 0.0.0.0/0",
        "open",
    ),
    (
        "a deny for another protocol",
        "acl-b in 90 deny udp 0.0.0.0/0\nacl-b in 100 allow all 0.0.0.0/0\nacl-b out 100 allow all 0.0.0.0/0",
        "open",
    ),
    (
        "a deny for the other family",
        "acl-b in 90 deny all ::/0\nacl-b in 100 allow all 0.0.0.0/0\nacl-b out 100 allow all 0.0.0.0/0",
        "open",
    ),
    ("the traffic port only, in", "acl-b in 100 allow tcp 8000 10.0.1.0/24\nacl-b out 100 allow all 0.0.0.0/0", "open"),
    (
        "another port only, in",
        "acl-b in 100 allow tcp 443 0.0.0.0/0\nacl-b out 100 allow all 0.0.0.0/0",
        "TargetAclIn: acl-b * deny all 0.0.0.0/0 | allow TCP 8000 from 10.0.1.0/24 in acl-b, inbound, before rule *",
    ),
    (
        "half of the balancer's subnet is denied",
        "acl-b in 90 deny all 10.0.1.128/25
         acl-b in 100 allow all 0.0.0.0/0
         acl-b out 100 allow all 0.0.0.0/0",
        "TargetAclIn: acl-b 90 deny all 10.0.1.128/25 (some) | allow TCP 8000 from 10.0.1.0/24 in acl-b, inbound, before rule 90",
    ),
    (
        "no answer leaves",
        "acl-b in 100 allow all 0.0.0.0/0",
        "TargetAclOut: acl-b * deny all 0.0.0.0/0 | allow TCP 1024-65535 to 10.0.1.0/24 in acl-b, outbound, before rule *",
    ),
    (
        "answers to every ephemeral port",
        "acl-b in 100 allow all 0.0.0.0/0\nacl-b out 100 allow tcp 1024-65535 0.0.0.0/0",
        "open",
    ),
    (
        "answers to Linux's ephemeral ports only",
        "acl-b in 100 allow all 0.0.0.0/0
         acl-b out 100 allow tcp 32768-65535 0.0.0.0/0",
        "TargetAclOut: acl-b * deny all 0.0.0.0/0 (some) | allow TCP 1024-65535 to 10.0.1.0/24 in acl-b, outbound, before rule *",
    ),
    (
        "answers to one port are denied",
        "acl-b in 100 allow all 0.0.0.0/0
         acl-b out 90 deny tcp 3389 0.0.0.0/0
         acl-b out 100 allow all 0.0.0.0/0",
        "TargetAclOut: acl-b 90 deny tcp 3389 0.0.0.0/0 (few) | allow TCP 1024-65535 to 10.0.1.0/24 in acl-b, outbound, before rule 90",
    ),
    (
        "the answer is asked at the port it goes to",
        "acl-b in 100 allow all 0.0.0.0/0\nacl-b out 100 allow tcp 8000 0.0.0.0/0",
        "TargetAclOut: acl-b * deny all 0.0.0.0/0 | allow TCP 1024-65535 to 10.0.1.0/24 in acl-b, outbound, before rule *",
    ),
    (
        "two ranges together",
        "acl-b in 100 allow all 0.0.0.0/0\nacl-b out 100 allow tcp 1024-32767 10.0.0.0/16\nacl-b out 110 allow tcp 32768-65535 10.0.0.0/16",
        "open",
    ),
    (
        "the request does not leave",
        "acl-a in 100 allow all 0.0.0.0/0\nacl-a out 100 allow tcp 443 0.0.0.0/0",
        "BalancerAclOut: acl-a * deny all 0.0.0.0/0 | allow TCP 8000 to 10.0.11.10/32 in acl-a, outbound, before rule *",
    ),
    (
        "the answer does not come in",
        "acl-a in 100 allow tcp 443 0.0.0.0/0\nacl-a out 100 allow all 0.0.0.0/0",
        "BalancerAclIn: acl-a * deny all 0.0.0.0/0 | allow TCP 1024-65535 from 10.0.11.10/32 in acl-a, inbound, before rule *",
    ),
    (
        "a public ACL as it should be",
        "acl-a in 100 allow tcp 443 0.0.0.0/0\nacl-a in 110 allow tcp 1024-65535 10.0.0.0/16\nacl-a out 100 allow tcp 1024-65535 0.0.0.0/0",
        "open",
    ),
    ("one subnet asks no ACL", "target 10.0.1.10 subnet-a vpc-1 sg-app\nacl-a none", "open"),
    ("an ACL that was not read", "acl-b unread", "unknown: acl of subnet-b"),
    (
        "a closed group is known all the same",
        "acl-b unread\nsg-app none",
        "TargetGroups: no rule of sg-app | admit TCP 8000 from sg-lb",
    ),
];

/// Routes, and targets elsewhere.
const ROUTES: &[Case] = &[
    (
        "across peering, by network",
        "target 10.1.0.9 subnet-b vpc-2 sg-app\nsg-app in tcp 8000 10.0.0.0/16\nrtb-a 10.0.0.0/16 local\nrtb-a 10.1.0.0/16 pcx-1\nrtb-b 10.1.0.0/16 local\nrtb-b 10.0.0.0/16 pcx-1",
        "open",
    ),
    (
        "across peering, by group",
        "target 10.1.0.9 subnet-b vpc-2 sg-app\nrtb-a 10.1.0.0/16 pcx-1\nrtb-b 10.0.0.0/16 pcx-1",
        "open",
    ),
    (
        "no way to the peer",
        "target 10.1.0.9 subnet-b vpc-2 sg-app\nrtb-b 10.0.0.0/16 pcx-1",
        "Route: no route in rtb-a | add a route to 10.1.0.9/32 in rtb-a",
    ),
    (
        "no way back from the peer",
        "target 10.1.0.9 subnet-b vpc-2 sg-app\nrtb-a 10.1.0.0/16 pcx-1\nrtb-b 10.1.0.0/16 local",
        "RouteBack: no route in rtb-b | add a route to 10.0.1.0/24 in rtb-b",
    ),
    (
        "the way back serves half of the subnet",
        "target 10.1.0.9 subnet-b vpc-2 sg-app\nrtb-a 10.1.0.0/16 pcx-1\nrtb-b 10.0.0.0/16 pcx-1\nrtb-b 10.0.1.0/25 pcx-2 blackhole",
        "RouteBack: rtb-b 10.0.1.0/25 pcx-2 blackhole (some) | add a route to 10.0.1.0/24 in rtb-b",
    ),
    (
        "the peering is gone",
        "target 10.1.0.9 subnet-b vpc-2 sg-app\nrtb-a 10.1.0.0/16 pcx-1 blackhole\nrtb-b 10.0.0.0/16 pcx-1",
        "Route: rtb-a 10.1.0.0/16 pcx-1 blackhole | add a route to 10.1.0.9/32 in rtb-a",
    ),
    (
        "the longest prefix decides",
        "target 10.1.0.9 subnet-b vpc-2 sg-app\nrtb-a 10.0.0.0/8 tgw-1 blackhole\nrtb-a 10.1.0.0/16 pcx-1\nrtb-b 10.0.0.0/16 pcx-1",
        "open",
    ),
    (
        "the longest prefix decides to the worse",
        "target 10.1.0.9 subnet-b vpc-2 sg-app\nrtb-a 10.1.0.0/16 pcx-1\nrtb-a 10.1.0.0/24 pcx-2 blackhole\nrtb-b 10.0.0.0/16 pcx-1",
        "Route: rtb-a 10.1.0.0/24 pcx-2 blackhole | add a route to 10.1.0.9/32 in rtb-a",
    ),
    (
        "across a transit gateway, by network",
        "target 10.1.0.9 subnet-b vpc-2 sg-app\nsg-app in tcp 8000 10.0.0.0/8\nrtb-a 10.0.0.0/8 tgw-1\nrtb-b 10.0.0.0/8 tgw-1",
        "open",
    ),
    (
        "across a transit gateway, by group",
        "target 10.1.0.9 subnet-b vpc-2 sg-app\nrtb-a 10.0.0.0/8 tgw-1\nrtb-b 10.0.0.0/8 tgw-1",
        "unknown: tgw-1",
    ),
    (
        "closed across a transit gateway",
        "target 10.1.0.9 subnet-b vpc-2 sg-app\nsg-app none\nrtb-a 10.0.0.0/8 tgw-1\nrtb-b 10.0.0.0/8 tgw-1",
        "TargetGroups: no rule of sg-app | admit TCP 8000 from 10.0.1.0/24",
    ),
    ("a data centre behind a VPN", "target 192.168.7.9 ?groups\nrtb-a 192.168.0.0/16 vgw-1", "unknown: target"),
    (
        "a data centre without a way",
        "target 192.168.7.9 ?groups",
        "Route: no route in rtb-a | add a route to 192.168.7.9/32 in rtb-a",
    ),
    (
        "a data centre through the internet gateway",
        "target 192.168.7.9 ?groups\nrtb-a 10.0.0.0/16 local\nrtb-a 0.0.0.0/0 igw-1",
        "Route: rtb-a 0.0.0.0/0 igw-1 | add a route to 192.168.7.9/32 in rtb-a",
    ),
    ("a data centre through NAT", "target 192.168.7.9 ?groups\nrtb-a 0.0.0.0/0 nat-1", "unknown: nat-1, target"),
    (
        "a data centre that egress forbids",
        "target 192.168.7.9 ?groups\nrtb-a 192.168.0.0/16 vgw-1\nsg-lb out tcp 8000 10.0.0.0/8",
        "BalancerGroups: no rule of sg-lb | let TCP 8000 out to 192.168.7.9/32",
    ),
    (
        "a data centre whose answers the ACL keeps out",
        "target 192.168.7.9 ?groups\nrtb-a 192.168.0.0/16 vgw-1\nacl-a in 100 allow all 10.0.0.0/8\nacl-a out 100 allow all 0.0.0.0/0",
        "BalancerAclIn: acl-a * deny all 0.0.0.0/0 | allow TCP 1024-65535 from 192.168.7.9/32 in acl-a, inbound, before rule *",
    ),
    (
        "a route by prefix list",
        "target 10.1.0.9 subnet-b vpc-2 sg-app\nrtb-a pl-2 pcx-1\npl-2 10.1.0.0/16\nrtb-b 10.0.0.0/16 pcx-1",
        "open",
    ),
    (
        "a route by an unread list",
        "target 10.1.0.9 subnet-b vpc-2 sg-app\nrtb-a pl-2 pcx-1\nrtb-b 10.0.0.0/16 pcx-1",
        "unknown: pl-2",
    ),
    ("within the VPC no route is needed", "rtb-a unread\nrtb-b unread", "open"),
    (
        "elsewhere it is",
        "target 10.1.0.9 subnet-b vpc-2 sg-app\nrtb-a unread\nrtb-b 10.0.0.0/16 pcx-1",
        "unknown: routes of subnet-a",
    ),
    ("through a firewall within the VPC", "rtb-a 10.0.0.0/16 local\nrtb-a 10.0.11.0/24 vpce-1", "unknown: vpce-1"),
];

/// Both address families.
const FAMILIES: &[Case] = &[
    (
        "IPv6, by group",
        "lb 2001:db8:0:1::/64 subnet-a vpc-1 sg-lb\ntarget 2001:db8:0:11::10 subnet-b vpc-1 sg-app\nsg-lb out all ::/0\nacl-a in 100 allow all ::/0\nacl-a out 100 allow all ::/0\nacl-b in 100 allow all ::/0\nacl-b out 100 allow all ::/0\nrtb-a unread\nrtb-b unread",
        "open",
    ),
    (
        "IPv6 does not leave by an IPv4 rule",
        "lb 2001:db8:0:1::/64 subnet-a vpc-1 sg-lb\ntarget 2001:db8:0:11::10 subnet-b vpc-1 sg-app\nacl-a in 100 allow all ::/0\nacl-a out 100 allow all ::/0\nacl-b in 100 allow all ::/0\nacl-b out 100 allow all ::/0\nrtb-a unread\nrtb-b unread",
        "BalancerGroups: no rule of sg-lb | let TCP 8000 out to sg-app",
    ),
    (
        "IPv6 is not let in by an IPv4 entry",
        "lb 2001:db8:0:1::/64 subnet-a vpc-1 sg-lb\ntarget 2001:db8:0:11::10 subnet-b vpc-1 sg-app\nsg-lb out all ::/0\nacl-a in 100 allow all ::/0\nacl-a out 100 allow all ::/0\nacl-b in 100 allow all 0.0.0.0/0\nacl-b out 100 allow all ::/0\nrtb-a unread\nrtb-b unread",
        "TargetAclIn: acl-b * deny all ::/0 | allow TCP 8000 from 2001:db8:0:1::/64 in acl-b, inbound, before rule *",
    ),
    (
        "IPv6 by network",
        "lb 2001:db8:0:1::/64 subnet-a vpc-1 sg-lb\ntarget 2001:db8:0:11::10 subnet-b vpc-1 sg-app\nsg-lb out tcp 8000 2001:db8:0:11::/64\nsg-app in tcp 8000 2001:db8::/56\nacl-a in 100 allow all ::/0\nacl-a out 100 allow all ::/0\nacl-b in 100 allow all ::/0\nacl-b out 100 allow all ::/0\nrtb-a unread\nrtb-b unread",
        "open",
    ),
    ("a balancer whose subnets are unknown", "lb sg-lb", "unknown: balancer"),
    ("subnets that were not read, by group", "lb subnet-a vpc-1 sg-lb", "open"),
    (
        "subnets that were not read, by network",
        "lb subnet-a vpc-1 sg-lb\nsg-app in tcp 8000 10.0.1.0/24",
        "unknown: target",
    ),
];
